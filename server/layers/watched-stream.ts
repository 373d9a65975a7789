/** Signs of life of streams. */
import type { Readable } from "node:stream";
import type { UploadSource } from "#drivers/contract/mount.ts";
import { bytesCame } from "./passing-bytes.ts";

/** Calls `seen` whenever bytes arrive in the stream's buffer, with how many, and with `undefined` at its end. Looks at the stream's own `push`, since a stream between would cost a copy of every byte's way. */
export function onBytes(stream: Readable, seen: (bytes: number | undefined) => void): Readable {
  const push = stream.push;
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    const bytes = (chunk as { readonly length: number } | null)?.length;
    seen(bytes);
    bytesCame(bytes ?? 0);
    return push.call(stream, chunk, encoding);
  };
  return stream;
}

/** The same source, `seen` called whenever its bytes move or a digest is known, and `taken` when as many bytes as it has were taken. */
export function watchedSource(source: UploadSource, seen: () => void, taken: () => void): UploadSource {
  let left = source.size;
  return {
    ...(source.size !== undefined && { size: source.size }),
    ...(source.modifiedAt !== undefined && { modifiedAt: source.modifiedAt }),
    get hashes() {
      return source.hashes;
    },
    kind: source.kind,
    async open(range) {
      return onBytes(await source.open(range), (bytes) => {
        if (left !== undefined) left -= bytes ?? 0;
        if (left === undefined ? bytes === undefined : left <= 0) taken();
        else seen();
      });
    },
    async digest(name, range) {
      const digest = await source.digest(name, range);
      seen();
      return digest;
    },
  };
}
