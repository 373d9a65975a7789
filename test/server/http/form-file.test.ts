import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openFormFile } from "#server/http/form-file.ts";

const TYPE = "multipart/form-data; boundary=edge";
const part = (name: string, content: string | Buffer) =>
  Buffer.concat([
    Buffer.from(`--edge\r\nContent-Disposition: form-data; name="${name}"; filename="x"\r\n\r\n`),
    Buffer.from(content),
    Buffer.from("\r\n"),
  ]);
const END = Buffer.from("--edge--\r\n");

/** The bytes in pieces of these lengths, over and over. */
function pieces(whole: Buffer, lengths: readonly number[]): Readable {
  const all: Buffer[] = [];
  for (let at = 0, i = 0; at < whole.length; i++) {
    const length = lengths[i % lengths.length] ?? 1;
    all.push(whole.subarray(at, at + length));
    at += length;
  }
  return Readable.from(all, { objectMode: false });
}

describe("a file in a form (RFC 7578)", () => {
  it("comes out byte for byte, however the form is cut into pieces and whatever looks like its boundary", async () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc
        .array(fc.constantFrom("\r\n--edg", "\r\n", "--edge", "-", "\r", "x"), { maxLength: 40 })
        .map((all) => Buffer.from(all.join(""))),
    );
    await fc.assert(
      fc.asyncProperty(content, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), async (file, lengths) => {
        fc.pre(!file.includes("\r\n--edge"));
        const form = Buffer.concat([part("note", "a field before"), part("file", file), part("late", "z"), END]);
        const stream = await openFormFile(pieces(form, lengths), TYPE, "file");
        expect((await buffer(stream!)).equals(file)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it("is not there where no part has its name", async () => {
    expect(await openFormFile(pieces(Buffer.concat([part("other", "x"), END]), [7]), TYPE, "file")).toBeUndefined();
  });

  it("fails where the form breaks off in the middle of it: no half of a file is taken for a whole", async () => {
    const cut = Buffer.concat([part("file", "0123456789")]).subarray(0, -6);
    const stream = await openFormFile(pieces(cut, [5]), TYPE, "file");
    await expect(buffer(stream!)).rejects.toThrow("the form broke off");
  });

  it("refuses a body that is no form, and one that hides its file behind too much", async () => {
    await expect(openFormFile(Readable.from([]), "text/plain", "file")).rejects.toThrow("no multipart/form-data");
    const long = Buffer.concat([part("note", Buffer.alloc(1_100_000)), part("file", "x"), END]);
    await expect(openFormFile(pieces(long, [65_536]), TYPE, "file")).rejects.toThrow("too much");
    const head = Buffer.from(`--edge\r\nContent-Disposition: ${"x".repeat(20_000)}\r\n\r\n`);
    await expect(openFormFile(pieces(head, [4096]), TYPE, "file")).rejects.toThrow("too long");
  });
});
