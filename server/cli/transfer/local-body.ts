/** Bytes on their way out of this process: of a local file, or of standard input. */
import type { Stats } from "node:fs";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { CommandError, EXIT } from "../report.ts";

/** Bytes read from the disk at a time. */
const CHUNK = 256 * 1024;

/** The bytes of a file of `facts`' size. The stream fails where the file is shorter by then; what was added behind is not read. */
export function localBody(path: string, facts: Pick<Stats, "size">, moved: (bytes: number) => void): Readable {
  if (facts.size === 0) return Readable.from([], { objectMode: false });
  const stream = createReadStream(path, { end: facts.size - 1, highWaterMark: CHUNK });
  let left = facts.size;
  return counted(
    stream,
    (bytes) => {
      left -= bytes;
      moved(bytes);
    },
    () => {
      if (left > 0) throw new CommandError(EXIT.failed, `${path} became shorter while it was read`);
    },
  );
}

/** The stream itself, `moved` called for what comes and `beforeEnd` at the end. Looks at the stream's own `push`, since a stream between would cost a copy of every byte's way. */
export function counted(stream: Readable, moved: (bytes: number) => void, beforeEnd = () => {}): Readable {
  const push = stream.push;
  stream.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    if (chunk !== null) {
      moved(chunk.length);
    } else {
      try {
        beforeEnd();
      } catch (error) {
        stream.destroy(error as Error);
        return false;
      }
    }
    return push.call(stream, chunk, encoding);
  };
  return stream;
}
