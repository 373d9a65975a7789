import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { allBytes, bytesContent, corruptedContent, joinedContent, md5Of, ruleContent } from "./content.ts";
import { receive } from "./receive.ts";

const MIB = 2 ** 20;
const counting = (size: number, first = 0) =>
  Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i + first) % 251));
const received = (bytes: Buffer, options = { keepBytes: true, digests: true }) => {
  const pieces = Array.from({ length: Math.ceil(bytes.length / 50_000) }, (_, i) =>
    bytes.subarray(i * 50_000, (i + 1) * 50_000),
  );
  return receive(Readable.from(pieces), bytes.length, options);
};

describe("contents", () => {
  it("that follow a rule have the sum of the facts without having the bytes (sjtu-pan.md §8.3)", () => {
    expect(ruleContent({ kind: "count", first: 0 }, 10 * MIB).crc64()).toBe(11640258248200685084n);
    expect(ruleContent({ kind: "zeros" }, 4 * MIB + 1).crc64()).toBe(3529788707240899156n);
    expect(ruleContent({ kind: "zeros" }, 0).crc64()).toBe(0n);
    expect(ruleContent({ kind: "zeros" }, 20 * 2 ** 30).crc64()).toBeTypeOf("bigint");
  });

  it("are read at any place, whole or joined", () => {
    const whole = counting(3 * MIB + 77, 5);
    const rule = ruleContent({ kind: "count", first: 5 }, whole.length);
    const joined = joinedContent([
      bytesContent([whole.subarray(0, 100)]),
      bytesContent([whole.subarray(100, 200), whole.subarray(200)]),
    ]);
    for (const content of [rule, joined, bytesContent([whole])]) {
      expect(allBytes(content).equals(whole)).toBe(true);
      expect(Buffer.concat([...content.read(99, 2 * MIB)]).equals(whole.subarray(99, 99 + 2 * MIB))).toBe(true);
      expect(content.crc64()).toBe(bytesContent([whole]).crc64());
    }
    expect(md5Of(rule)).toBe(createHash("md5").update(whole).digest("hex"));
  });

  it("with one wrong byte differ in that byte and in their sum", () => {
    const good = bytesContent([Buffer.from("hello world")]);
    const bad = corruptedContent(good, 4);
    expect(allBytes(bad).toString("latin1")).toBe("hell\x90 world");
    expect(bad.crc64()).not.toBe(good.crc64());
  });
});

describe("a body that arrives", () => {
  it.each([
    ["zeros", Buffer.alloc(200_000)],
    ["counted", counting(200_000, 17)],
    ["counted with a break near the end", Buffer.concat([counting(180_000), Buffer.from("break"), counting(20_000)])],
    ["short", Buffer.from("short")],
    ["empty", Buffer.alloc(0)],
  ])("is kept byte by byte whatever it is: %s", async (_name, bytes) => {
    const { content, md5 } = await received(bytes);
    expect(allBytes(content).equals(bytes)).toBe(true);
    expect(content.crc64()).toBe(bytesContent([bytes]).crc64());
    expect(md5).toBe(createHash("md5").update(bytes).digest("hex"));
  });

  it("can be measured without being kept", async () => {
    const bytes = Buffer.concat([counting(100_000), Buffer.from("no rule")]);
    const { content } = await received(bytes, { keepBytes: false, digests: true });
    expect([content.size, content.crc64()]).toEqual([bytes.length, bytesContent([bytes]).crc64()]);
    expect(() => content.read(0, 1)).toThrow("keepBytes");
  });

  it("must have the announced length", async () => {
    await expect(receive(Readable.from([Buffer.from("abc")]), 4, { keepBytes: true, digests: true })).rejects.toThrow(
      "announced",
    );
  });
});
