/** Signs of life of streams. */
import type { Readable } from "node:stream";
import type { UploadSource } from "#drivers/contract/mount.ts";
import { bytesCame } from "./passing-bytes.ts";

/** Calls `seen` whenever bytes arrive in the stream's buffer. Looks at the stream's own `push`, since a stream between would cost a copy of every byte's way. */
export function onBytes(stream: Readable, seen: () => void): Readable {
  const push = stream.push;
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    seen();
    bytesCame((chunk as { readonly length: number } | null)?.length ?? 0);
    return push.call(stream, chunk, encoding);
  };
  return stream;
}

/** The same source, `seen` called whenever its bytes move or a digest is known. */
export function watchedSource(source: UploadSource, seen: () => void): UploadSource {
  return {
    ...(source.size !== undefined && { size: source.size }),
    ...(source.modifiedAt !== undefined && { modifiedAt: source.modifiedAt }),
    get hashes() {
      return source.hashes;
    },
    kind: source.kind,
    async open(range) {
      return onBytes(await source.open(range), seen);
    },
    async digest(name, range) {
      const digest = await source.digest(name, range);
      seen();
      return digest;
    },
  };
}
