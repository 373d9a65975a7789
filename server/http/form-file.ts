/** One file of a form, as a stream: the form is read as it comes, and nothing of it is kept (RFC 7578, RFC 2046 §5.1). */
import { Readable } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import { HttpError } from "./errors.ts";

/** Longest head of one part, in bytes. */
const MAX_HEAD = 16 * 1024;
/** Most that is passed over before the wanted field comes, in bytes. */
const MAX_BEFORE = 1024 * 1024;
const END_OF_HEAD = Buffer.from("\r\n\r\n");

/**
 * The content of the first part of that field name; undefined where the form has none. The stream ends where the part does, and fails
 * `incomplete` where the form breaks off. Throws HttpError 400 where the body is no form.
 */
export async function openFormFile(
  body: Readable,
  contentType: string | undefined,
  field: string,
): Promise<Readable | undefined> {
  const boundary = boundaryOf(contentType);
  if (boundary === undefined) throw new HttpError(400, "the body is no multipart/form-data");
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // The first delimiter may stand at the very beginning.
  const bytes = new Bytes(body, Buffer.from("\r\n"));
  await bytes.skipTo(delimiter, MAX_BEFORE);
  for (;;) {
    if ((await bytes.take(2)).toString("latin1") === "--") return undefined;
    bytes.unread(2);
    const head = await bytes.takeTo(END_OF_HEAD, MAX_HEAD);
    if (fieldOf(head.toString("utf8")) === field) {
      return Readable.from(bytes.until(delimiter), { objectMode: false, highWaterMark: 1024 * 1024 });
    }
    await bytes.skipTo(delimiter, MAX_BEFORE);
  }
}

function boundaryOf(contentType = ""): string | undefined {
  if (!/^multipart\/form-data\b/i.test(contentType)) return undefined;
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? [];
  return quoted ?? bare;
}

function fieldOf(head: string): string | undefined {
  const line = /^content-disposition:(.*)$/im.exec(head)?.[1] ?? "";
  const [, quoted, bare] = /;\s*name=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(line) ?? [];
  return quoted ?? bare;
}

/** A stream read up to marks in it; at most one chunk and a mark are held. */
class Bytes {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer;
  #last: Buffer = Buffer.alloc(0);

  constructor(body: Readable, before: Buffer) {
    this.#chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#held = before;
  }

  /** What comes before the mark, which is passed over. */
  async *until(mark: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#held.indexOf(mark);
      if (at >= 0) {
        const rest = this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + mark.length);
        if (rest.length > 0) yield rest;
        return;
      }
      const safe = this.#held.length - mark.length + 1;
      if (safe > 0) {
        const sure = this.#held.subarray(0, safe);
        this.#held = this.#held.subarray(safe);
        yield sure;
      }
      await this.#more();
    }
  }

  async skipTo(mark: Buffer, limit: number): Promise<void> {
    let skipped = 0;
    for await (const chunk of this.until(mark)) {
      skipped += chunk.length;
      if (skipped > limit) throw new HttpError(400, "too much stands in the form before its file");
    }
  }

  async takeTo(mark: Buffer, limit: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.until(mark)) {
      size += chunk.length;
      if (size > limit) throw new HttpError(400, "the head of a part of the form is too long");
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  }

  async take(length: number): Promise<Buffer> {
    while (this.#held.length < length) await this.#more();
    this.#last = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return this.#last;
  }

  /** Gives back what was taken last. */
  unread(length: number): void {
    this.#held = Buffer.concat([this.#last.subarray(0, length), this.#held]);
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#chunks.next();
    if (done) throw new StorageError("incomplete", "the form broke off");
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value]);
  }
}
