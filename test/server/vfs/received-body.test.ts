import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { describe, expect, it } from "vitest";
import { hashesToCompute, ReceivedBody, type ReceivedBodyOptions, refuseMismatch } from "#server/vfs/received-body.ts";

const text = Buffer.from("the quick brown fox");
const sha1 = createHash("sha1").update(text).digest("hex");

function receive(chunks: readonly Buffer[], change: Partial<ReceivedBodyOptions> = {}) {
  const body = new ReceivedBody({
    size: text.length,
    hashes: ["sha1"],
    claimed: undefined,
    beforeEnd: async () => {},
    ...change,
  });
  const taken = buffer(body);
  const fed = pipeline(Readable.from(chunks), body);
  return { body, taken: Promise.all([taken, fed]).then(([bytes]) => bytes) };
}

describe("a body on its way in", () => {
  it("passes the bytes on and knows their count and digest at the end", async () => {
    const { body, taken } = receive([text.subarray(0, 5), text.subarray(5)]);
    expect(await taken).toEqual(text);
    expect(body.received).toBe(text.length);
    expect(await body.digests()).toEqual({ sha1 });
  });

  it.each([
    ["fewer", text.subarray(1)],
    ["more", Buffer.concat([text, Buffer.from("!")])],
  ])("fails incomplete when %s bytes come than were announced", async (_, bytes) => {
    const { body, taken } = receive([bytes]);
    await expect(taken).rejects.toMatchObject({ kind: "incomplete" });
    await expect(body.digests()).rejects.toMatchObject({ kind: "incomplete" });
  });

  it("fails before its end when the client's checksum does not match", async () => {
    const { taken } = receive([text], { claimed: { sha1: "0".repeat(40) } });
    await expect(taken).rejects.toMatchObject({ kind: "precondition-failed", reason: "verification-failed" });
  });

  it("holds its end back until it may be committed, and fails with what forbids it", async () => {
    const refused = new Error("somebody was faster");
    const { taken } = receive([text], { beforeEnd: () => Promise.reject(refused) });
    await expect(taken).rejects.toBe(refused);
  });

  it("that fails before anybody reads it tells whoever reads later, and is no exception that nobody handled", async () => {
    const refused = new Error("locked meanwhile");
    const beforeEnd = () => Promise.reject(refused);
    const body = new ReceivedBody({ size: 0, hashes: [], claimed: undefined, beforeEnd });
    const closed = new Promise((resolve) => body.once("close", resolve));
    body.end();
    await closed;
    await expect(buffer(body)).rejects.toBe(refused);
  });

  it("computes SHA-1 always, and what service and client have, CRC-64 where the service has it (sjtu-pan.md §8.1)", () => {
    expect(hashesToCompute([], undefined)).toEqual(["sha1"]);
    expect(hashesToCompute(["crc64", "sha256"], { md5: "x" })).toEqual(["sha1", "md5", "sha256", "crc64"]);
  });

  it("knows the CRC-64 of the standard's check string at the end (sjtu-pan.md §8.3)", async () => {
    const { body, taken } = receive([Buffer.from("123"), Buffer.from("456789")], { size: 9, hashes: ["crc64"] });
    await taken;
    expect(await body.digests()).toEqual({ crc64: "11051210869376104954" });
  });

  it("compares only digests that both sides know, whatever their case", () => {
    refuseMismatch({ sha1 }, { sha1: sha1.toUpperCase(), crc64: "1" }, "incomplete", "test");
    expect(() => refuseMismatch({ sha1 }, { sha1: "0" }, "incomplete", "test")).toThrow(/sha1/);
  });
});
