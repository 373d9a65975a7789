/** Names and folders of a request that lead elsewhere: CVE-2022-45968, CVE-2022-45969, GHSA-x4q4-7phh-42j9, GHSA-qmj2-8r24-xxcq. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isWithin } from "#drivers/contract/path.ts";
import { ALL_BITS } from "#server/auth/permission-bits.ts";
import { type Asked, openPermissionWorld, type PermissionWorld } from "#test/server/permissions/world.ts";

const HOME = "/m/home/ann";

/** What a client may put where one name belongs. Each would reach another user's file where it was joined unchecked. */
const CLIMBING = [
  "../bob/s.txt",
  "..\\bob\\s.txt",
  "../../../m/home/bob/s.txt",
  "sub/../../bob/s.txt",
  "/m/home/bob/s.txt",
  "..",
  ".",
  "",
  "sub/..",
];

const json = (target: string, body: object): Asked => ({
  method: "POST",
  target,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

describe("one user's request does not reach another's files", () => {
  let world: PermissionWorld;
  let authorization: string;
  beforeAll(async () => {
    world = await openPermissionWorld({
      home: { ann: { "a.txt": "mine", sub: {} }, bob: { "s.txt": "his" } },
      "s.txt": "the root's",
    });
    const { users, sessions } = world.deps.auth;
    const ann = await users.create({ name: "ann", basePath: HOME, permission: ALL_BITS, disabled: false }, "secret");
    authorization = await sessions.start(ann, "");
  });
  afterAll(() => world.close());

  const ask = (asked: Asked) => world.ask({ ...asked, headers: { Authorization: authorization, ...asked.headers } });
  const outside = () => world.truth().filter((path) => !isWithin(`/m${path}`, HOME));

  it.each([
    ["remove", (name: string) => ({ dir: "/", names: [name] })],
    ["move", (name: string) => ({ src_dir: "/", dst_dir: "/sub", names: [name], overwrite: true })],
    ["copy", (name: string) => ({ src_dir: "/", dst_dir: "/sub", names: [name], overwrite: true })],
    ["rename", (name: string) => ({ path: "/a.txt", name, overwrite: true })],
  ])(
    "by a name in /api/fs/%s that is more than one name (GHSA-x4q4-7phh-42j9, GHSA-qmj2-8r24-xxcq)",
    async (route, body) => {
      const before = world.truth();
      for (const name of CLIMBING) {
        const { code, text } = await ask(json(`/api/fs/${route}`, body(name)));
        expect([name, code], text).toEqual([name, expect.toSatisfy((c: number) => c >= 400 && c <= 500)]);
        expect(text).not.toContain("his");
      }
      expect(world.truth()).toEqual(before);
    },
  );

  it("by a name beside a good one: then nothing of the request is done", async () => {
    const before = world.truth();
    const { code } = await ask(json("/api/fs/remove", { dir: "/", names: ["a.txt", "../bob/s.txt"] }));
    expect(code).toBeGreaterThanOrEqual(400);
    expect(world.truth()).toEqual(before);
  });

  it("by where an upload goes, at the API and over WebDAV (CVE-2022-45968, CVE-2022-45969)", async () => {
    const before = outside();
    const climbing = [
      "/../bob/new.txt",
      "/sub/../../bob/new.txt",
      "/../../new.txt",
      "/../../../new.txt",
      "/..\\bob\\new",
    ];
    for (const path of climbing) {
      const { code } = await ask({
        method: "PUT",
        target: `/api/pandav/fs/content?${new URLSearchParams({ path, conflict: "replace" })}`,
        body: "mine",
      });
      expect([path, code]).toEqual([path, expect.toSatisfy((c: number) => c === 200 || c >= 400)]);
      const target = `/dav${path.replaceAll("\\", "%5c")}`;
      for (const spelt of [target, target.replaceAll("..", "%2e%2e"), target.replaceAll("../", "..%2f")]) {
        await ask({
          method: "PUT",
          target: spelt,
          body: "mine",
          headers: { Authorization: `Basic ${btoa("ann:secret")}` },
        });
      }
    }
    expect(outside()).toEqual(before);
  });

  it("nor the folders of the server that a path never names", async () => {
    for (const path of ["/etc/passwd", "/../../../../etc/passwd", "file:///etc/passwd"]) {
      const { code, text } = await ask(json("/api/fs/get", { path }));
      expect([path, code]).toEqual([path, expect.toSatisfy((c: number) => c >= 400)]);
      expect(text).not.toContain("root:");
    }
  });
});
