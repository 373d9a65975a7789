import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { combineCrc64, crc64, crc64Table, createCrc64, repeatCrc64 } from "./crc64.ts";

const counting = (size: number, period: number) => Buffer.from(Uint8Array.from({ length: size }, (_, i) => i % period));

/** sjtu-pan.md §8.3. */
const VECTORS: readonly (readonly [string, Buffer, string])[] = [
  ["nothing", Buffer.alloc(0), "0"],
  ["one zero byte", Buffer.alloc(1), "2282658103124508505"],
  ["a", Buffer.from("a"), "3675645893302102789"],
  ["abc", Buffer.from("abc"), "3231342946509354535"],
  ["123456789", Buffer.from("123456789"), "11051210869376104954"],
  ["hello world", Buffer.from("hello world"), "5981764153023615706"],
  ["Hello, SJTU! and a line feed", Buffer.from("Hello, SJTU!\n"), "8910150760604485168"],
  ["上海交通大学", Buffer.from("上海交通大学"), "12013415545760113426"],
  ["00…FF", counting(256, 256), "8232944260754389680"],
  ["391 × A", Buffer.alloc(391, "A"), "1894463202180837250"],
  ["391 zeros", Buffer.alloc(391), "16893656707420058049"],
  ["391 bytes mod 256", counting(391, 256), "83312638490482849"],
  ["391 bytes mod 251", counting(391, 251), "8439322703054881852"],
  ["1 MiB of zeros", Buffer.alloc(2 ** 20), "6947770692288575170"],
  ["1 MiB mod 251", counting(2 ** 20, 251), "16028127081582314172"],
  ["4 MiB of zeros and one more", Buffer.alloc(2 ** 22 + 1), "3529788707240899156"],
  ["4 MiB mod 251", counting(2 ** 22, 251), "14067542882320262824"],
];

describe("CRC-64/XZ", () => {
  it.each(VECTORS)("of %s is that of the facts (sjtu-pan.md §8.3)", (_name, bytes, sum) => {
    expect(String(crc64(bytes))).toBe(sum);
  });

  it("has the table of the facts (sjtu-pan.md §8.1)", () => {
    const table = crc64Table();
    const words = Buffer.alloc(2048);
    for (const [i, entry] of table.entries()) words.writeBigUInt64LE(entry, i * 8);
    expect(createHash("sha256").update(words).digest("hex")).toBe(
      "92a78f5cd48198f3dddd87d46a8e3b60770bb90a9d1ed16713c0ceabe4d1dc51",
    );
    expect([table[1], table[128]]).toEqual([0xb32e4cbe03a75f6fn, 0xc96c5795d7870f42n]);
  });

  it("is the same in pieces of any length, and goes on from a finished value (sjtu-pan.md §8.1)", () => {
    const bytes = counting(1000, 251);
    for (const cut of [0, 1, 7, 8, 9, 500, 999]) {
      const first = createCrc64();
      first.update(bytes.subarray(0, cut));
      const second = createCrc64(first.value());
      second.update(bytes.subarray(cut));
      expect(second.value()).toBe(crc64(bytes));
    }
  });

  it("of parts combines to that of the whole (sjtu-pan.md §8.2, §8.3)", () => {
    expect(combineCrc64(6748440630437108969n, 10278880121275185425n, 4)).toBe(11051210869376104954n);
    const parts = [14067542882320262824n, 9549595203920896315n, 15223556078326097507n] as const;
    const two = combineCrc64(parts[0], parts[1], 4 * 2 ** 20);
    expect(combineCrc64(two, parts[2], 2 * 2 ** 20)).toBe(11640258248200685084n);
  });

  it("of a piece that repeats is found without the bytes", () => {
    expect(repeatCrc64(crc64(Buffer.from("abc")), 3, 5)).toBe(crc64(Buffer.from("abc".repeat(5))));
    expect(repeatCrc64(crc64(Buffer.alloc(1)), 1, 2 ** 22)).toBe(15807926966679858283n);
  });
});
