/** Upload sources for tests: honest ones, and ones that lie about their size, break or wait. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { ByteRange, Hashes, HashName, UploadSource } from "#drivers/contract/mount.ts";

export interface SourceShape {
  readonly kind?: "stream" | "seekable";
  /** What the source says about its size; `"unknown"` leaves it out. Default: the truth. */
  readonly size?: number | "unknown";
  readonly modifiedAt?: number;
  readonly hashes?: Hashes;
  /** The body fails with `error` after that many bytes. */
  readonly breaks?: { readonly after: number; readonly error: Error };
  /** The body stops after that many bytes and waits until it is destroyed; `reached` is called then. */
  readonly hangs?: { readonly after: number; reached(): void };
}

/** An upload source that remembers what was done with it. */
export interface WatchedSource extends UploadSource {
  /** Every body that was opened, in order. */
  readonly opened: readonly Readable[];
}

const PIECE_BYTES = 65_536;

/** A source of these bytes. A `stream` refuses to be opened twice or at a range, as a request body would. */
export function sourceOf(content: Uint8Array, shape: SourceShape = {}): WatchedSource {
  const kind = shape.kind ?? "seekable";
  const size = shape.size ?? content.length;
  const opened: Readable[] = [];
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => undefined);

  return {
    kind,
    ...(size !== "unknown" && { size }),
    ...(shape.modifiedAt !== undefined && { modifiedAt: shape.modifiedAt }),
    hashes: shape.hashes ?? {},
    opened,
    async open(range) {
      if (kind === "stream" && (range || opened.length > 0)) throw new Error("a stream can be opened once, and whole");
      const body = bodyOf(part(content, range), shape);
      body.once("end", ended.resolve);
      body.once("error", ended.reject);
      opened.push(body);
      return body;
    },
    async digest(name, range) {
      if (kind === "stream") {
        if (range) throw new Error("a stream has no digest of a range");
        await ended.promise;
      }
      return digestOf(part(content, range), name);
    },
  };
}

/** The digest as `Hashes` writes it. Throws for crc64, of which the tests know no second implementation. */
export function digestOf(content: Uint8Array, name: HashName): string {
  if (name === "crc64") throw new Error("the tests cannot compute crc64");
  return createHash(name).update(content).digest("hex");
}

function part(content: Uint8Array, range: ByteRange | undefined): Uint8Array {
  if (!range) return content;
  return content.subarray(range.offset, range.length === undefined ? undefined : range.offset + range.length);
}

function bodyOf(content: Uint8Array, { breaks, hangs }: SourceShape): Readable {
  const stop = Math.min(content.length, breaks?.after ?? content.length, hangs?.after ?? content.length);
  let at = 0;
  return new Readable({
    read() {
      if (at < stop) {
        const piece = content.subarray(at, Math.min(at + PIECE_BYTES, stop));
        at += piece.length;
        this.push(piece);
      } else if (breaks) this.destroy(breaks.error);
      else if (hangs) hangs.reached();
      else this.push(null);
    },
  });
}
