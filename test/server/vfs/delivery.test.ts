import { describe, expect, it } from "vitest";
import { type DeliveryQuestion, decideDelivery } from "#server/vfs/delivery.ts";

const plain = { boundTo: [] };
const question: DeliveryQuestion = {
  link: plain,
  policy: "auto",
  method: "GET",
  userAgent: "rclone/v1.60.1",
  size: 10_000_000,
  pending: false,
};

/** architecture.md §7 and webdav.md §7.1, as a table. */
const TABLE: readonly [string, Partial<DeliveryQuestion>, "redirect" | "proxy"][] = [
  ["a client known to follow", {}, "redirect"],
  ["curl", { userAgent: "curl/8.5.0" }, "redirect"],
  ["a client that does not follow (davfs2)", { userAgent: "davfs2/1.6.1 neon/0.32.4" }, "proxy"],
  ["a client that says nothing", { userAgent: undefined }, "proxy"],
  ["a storage without links", { link: undefined }, "proxy"],
  ["HEAD never touches the link", { method: "HEAD" }, "proxy"],
  ["a link that needs a header", { link: { boundTo: [], headers: { cookie: "x" } } }, "proxy"],
  ["a link bound to a cookie", { link: { boundTo: ["cookie"] } }, "proxy"],
  ["a small file", { size: 1000 }, "proxy"],
  ["content that only we have", { pending: true }, "proxy"],
  ["policy proxy", { policy: "proxy" }, "proxy"],
  ["a host that only this server reaches (DriverEnv.upstreams)", { isRerouted: true }, "proxy"],
  ["policy redirect, whoever asks", { policy: "redirect", userAgent: "davfs2/1.6.1" }, "redirect"],
  ["policy redirect, but a secret header", { policy: "redirect", link: { boundTo: [], headers: { a: "b" } } }, "proxy"],
];

describe("delivery: redirect or proxy", () => {
  it.each(TABLE)("%s", (_, change, expected) => {
    expect(decideDelivery({ ...question, ...change })).toBe(expected);
  });
});
