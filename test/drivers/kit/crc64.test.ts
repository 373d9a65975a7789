import { describe, expect, it } from "vitest";
import { Crc64, combineCrc64, crc64 } from "#drivers/kit/crc64.ts";

const counting = (length: number, modulus: number) => Buffer.from(Array.from({ length }, (_, i) => i % modulus));

describe("CRC-64 as the storages give it", () => {
  it.each([
    ["nothing", Buffer.alloc(0), "0"],
    ["a", Buffer.from("a"), "3675645893302102789"],
    ["123456789", Buffer.from("123456789"), "11051210869376104954"],
    ["00…FF", counting(256, 256), "8232944260754389680"],
    ["391 zeros", Buffer.alloc(391), "16893656707420058049"],
    ["i mod 251, 1 MiB", counting(1024 * 1024, 251), "16028127081582314172"],
  ])("of %s is the published one (sjtu-pan.md §8.3)", (_, bytes, sum) => {
    expect(crc64(bytes)).toBe(sum);
  });

  it("is the same in pieces of any length and place in memory", () => {
    const bytes = counting(1000, 251);
    for (const size of [1, 3, 7, 8, 13, 999]) {
      const sum = new Crc64();
      for (let at = 0; at < bytes.length; at += size) sum.update(bytes.subarray(at, at + size));
      expect(sum.digest()).toBe(crc64(bytes));
    }
    expect(new Crc64(crc64(bytes.subarray(0, 400))).update(bytes.subarray(400)).digest()).toBe(crc64(bytes));
  });

  it("is the published one of 10 MiB, whole, and in pieces around the lengths that the loop takes at once (sjtu-pan.md §8.3)", () => {
    const bytes = counting(10 * 1024 * 1024, 251);
    expect(crc64(bytes)).toBe("11640258248200685084");
    for (const size of [4095, 16_383, 16_384, 16_385, 65_543, 262_144, 262_151]) {
      const sum = new Crc64();
      for (let at = 0; at < bytes.length; at += size) sum.update(bytes.subarray(at, at + size));
      expect(sum.digest(), String(size)).toBe("11640258248200685084");
    }
  });

  it("of two pieces follows from theirs, of many equal ones and a shorter last one too (sjtu-pan.md §8.2)", () => {
    const bytes = counting(10_007, 251);
    for (const size of [1, 64, 1000, 4096, 10_007]) {
      let sum = "0";
      for (let at = 0; at < bytes.length; at += size) {
        const piece = bytes.subarray(at, at + size);
        sum = combineCrc64(sum, crc64(piece), piece.length);
      }
      expect(sum).toBe(crc64(bytes));
    }
    expect(combineCrc64(crc64(bytes), "0", 0)).toBe(crc64(bytes));
  });
});
