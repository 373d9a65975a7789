import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { ByteRange, Entry } from "#drivers/contract/mount.ts";
import { complete } from "#server/layers/complete.ts";
import { memoryJournal } from "#server/layers/journal.ts";
import { stackFixture } from "#test/support/stack-fixture.ts";
import { FakeClock } from "./fake-clock.ts";
import { call, FILE, mountOf, TRAITS } from "./sample-mount.ts";

const BODY = Buffer.from("0123456789");
const file: Entry = { ...FILE, size: BODY.length };

/** A mount whose reads give what `answer` gives, under the layer alone. */
const mountWith = (answer: () => Readable) =>
  complete({
    traits: TRAITS,
    clock: new FakeClock(),
    journal: memoryJournal(),
    random: (n) => new Uint8Array(n),
    bytes: () => Promise.reject() as never,
  })(mountOf({ read: async () => answer() }));

const read = async (answer: () => Readable, entry = file, range?: ByteRange) =>
  String(await buffer(await mountWith(answer).read!(entry, range, call().o)));

/** Ways in which drivers make streams of some pieces. */
const WAYS: readonly (readonly [string, (...pieces: readonly Buffer[]) => Readable])[] = [
  ["a generator's bytes", (...pieces) => Readable.from(pieces, { objectMode: false })],
  ["a generator's objects", (...pieces) => Readable.from(pieces)],
  [
    "what was pushed before it was handed over",
    (...pieces) => {
      const stream = new Readable({ read() {} });
      for (const piece of [...pieces, null]) stream.push(piece);
      return stream;
    },
  ],
  [
    "objects that were pushed before",
    (...pieces) => {
      const stream = new Readable({ objectMode: true, read() {} });
      for (const piece of [...pieces, null]) stream.push(piece);
      return stream;
    },
  ],
  [
    "a stream that was written to before",
    (...pieces) => {
      const stream = new PassThrough();
      for (const piece of pieces) stream.write(piece);
      return stream.end() as PassThrough;
    },
  ],
  ["text with an encoding", (...pieces) => Readable.from(pieces, { objectMode: false }).setEncoding("utf8")],
  [
    "pushes of one turn each",
    (...pieces) => {
      const left = [...pieces];
      return new Readable({
        read() {
          setImmediate(() => this.push(left.shift() ?? null));
        },
      });
    },
  ],
];

describe.each(WAYS)("a driver's read, %s (mount.ts: exactly the range, or `incomplete`)", (_way, streamOf) => {
  const cut = (from: number, to: number) => () => streamOf(BODY.subarray(from, from + 2), BODY.subarray(from + 2, to));

  it("passes on a whole file and a range of it", async () => {
    expect(await read(cut(0, 10))).toBe("0123456789");
    expect(await read(cut(3, 7), file, { offset: 3, length: 4 })).toBe("3456");
    expect(await read(cut(4, 10), file, { offset: 4 })).toBe("456789");
    expect(await read(cut(4, 10), file, { offset: 4, length: 100 })).toBe("456789");
  });

  it("fails when it ends early", async () => {
    const incomplete = { kind: "incomplete", retryable: true };
    await expect(read(cut(0, 9))).rejects.toMatchObject(incomplete);
    await expect(read(cut(3, 6), file, { offset: 3, length: 4 })).rejects.toMatchObject(incomplete);
    await expect(read(cut(4, 9), file, { offset: 4 })).rejects.toMatchObject(incomplete);
    await expect(read(() => streamOf())).rejects.toMatchObject(incomplete);
  });

  it("fails when it goes on after the range, or after the size that was listed", async () => {
    const incomplete = { kind: "incomplete" };
    await expect(read(cut(0, 10), file, { offset: 0, length: 4 })).rejects.toMatchObject(incomplete);
    await expect(read(cut(0, 10), { ...file, size: 9 })).rejects.toMatchObject(incomplete);
  });

  it("takes what comes where nobody knows the size, and never more than was asked", async () => {
    const { size: _size, ...unknown } = file;
    for (const entry of [unknown, { ...file, size: 3, sizeIs: "about" as const }]) {
      expect(await read(cut(0, 5), entry)).toBe("01234");
      expect(await read(cut(0, 5), entry, { offset: 0, length: 8 })).toBe("01234");
      await expect(read(cut(0, 5), entry, { offset: 0, length: 4 })).rejects.toMatchObject({ kind: "incomplete" });
    }
  });

  it("frees the driver's stream when nobody reads it", async () => {
    let given: Readable | undefined;
    const stream = await mountWith(() => {
      given = cut(0, 10)();
      return given;
    }).read!(file, undefined, call().o);
    stream.destroy();
    await expect.poll(() => given?.destroyed).toBe(true);
  });
});

it("reads again what ended before its first byte, and fails what does so each time (layers/retry.ts)", async () => {
  const clock = new FakeClock();
  let calls = 0;
  const driver = (good: number) =>
    mountOf({
      read: async () => {
        calls += 1;
        return Readable.from(calls === good ? [BODY] : [], { objectMode: false });
      },
    });
  const second = stackFixture(driver(2), TRAITS, { clock }).mount.read!(file, undefined, call().o);
  await clock.advance(60_000);
  expect(String(await buffer(await second))).toBe(String(BODY));
  calls = 0;
  const never = stackFixture(driver(0), TRAITS, { clock }).mount.read!(file, undefined, call().o);
  const failed = expect(never).rejects.toMatchObject({ kind: "incomplete", retryable: false });
  await clock.advance(60_000);
  await failed;
  expect(calls).toBe(3);
});
