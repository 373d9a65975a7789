/** Ends calls that a storage never answers: every operation has a limit, most of them on silence. */
import type { Readable } from "node:stream";
import type { Clock } from "#drivers/contract/driver.ts";
import type { CallOptions, CopyOptions, Link, UploadSource } from "#drivers/contract/mount.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import { around, type Call, type CallOperation, type Layer, optionsOf, withOptions } from "./layer.ts";
import { dropLink } from "./shared-link.ts";
import { orAbort } from "./waiting.ts";
import { onBytes, watchedSource } from "./watched-stream.ts";

/**
 * Longest silence in milliseconds: of a metadata call or between two pages, of a read, of an upload and, once its last byte was taken, of the service that
 * puts it together, of a batch (a service may delete a large tree in one call).
 */
export const LIMITS = {
  metadataMs: 30_000,
  readMs: 60_000,
  uploadMs: 120_000,
  assembleMs: 45 * 60_000,
  batchMs: 600_000,
} as const;

/** How long a change that was called off may take to come to its end, in milliseconds, before the caller is let go without knowing. */
export const GRACE_MS = 5000;

const LIMIT_OF: Partial<Record<CallOperation, number>> = {
  read: LIMITS.readMs,
  upload: LIMITS.uploadMs,
  move: LIMITS.batchMs,
  copy: LIMITS.batchMs,
  remove: LIMITS.batchMs,
  receive: LIMITS.batchMs,
};

/** Where the end of a change matters more than a quick answer. */
const CHANGES: ReadonlySet<CallOperation> = new Set<CallOperation>([
  "createDirectory",
  "move",
  "copy",
  "remove",
  "upload",
  "setModifiedAt",
  "receive",
]);

/** Throws `timeout` (retryable) and aborts the call inside when its limit passes; leaves at once when the caller aborts, but for a change only after a short grace. */
export function timeout(clock: Clock): Layer {
  return (inner) =>
    around(inner, {
      async call(call, next) {
        let stream: Readable | undefined;
        const limit = LIMIT_OF[call.operation] ?? LIMITS.metadataMs;
        // A full buffer means that the reader is slow, not the storage.
        const isWaiting = () => stream === undefined || stream.readableLength === 0;
        const deadline = startDeadline(clock, limit, call.operation, optionsOf(call).signal, isWaiting);
        try {
          const running = next(watched(call, deadline));
          if (CHANGES.has(call.operation)) return await withGrace(clock, running, deadline.signal);
          const answer = await orAbort(running, deadline.signal, (late) => letGo(call, late));
          if (call.operation !== "read") return answer;
          stream = answer as Readable;
          return guard(stream, deadline);
        } finally {
          if (stream === undefined) deadline.end();
        }
      },
      list: (_directory, o, next) => listing("list", o, next),
      trash: {
        list: (o, next) => listing("trash.list", o, next),
        async call({ operation, o }, next) {
          const deadline = startDeadline(clock, LIMITS.batchMs, operation, o.signal);
          try {
            return await withGrace(clock, next({ ...o, signal: deadline.signal }), deadline.signal);
          } finally {
            deadline.end();
          }
        },
      },
    });

  async function* listing<T>(
    operation: string,
    o: CallOptions,
    next: (o: CallOptions) => AsyncIterable<T>,
  ): AsyncGenerator<T> {
    let waiting = true;
    const deadline = startDeadline(clock, LIMITS.metadataMs, operation, o.signal, () => waiting);
    const iterator = next({ ...o, signal: deadline.signal })[Symbol.asyncIterator]();
    let ended = false;
    try {
      for (;;) {
        const result = await orAbort(iterator.next(), deadline.signal);
        ended = result.done === true;
        if (result.done) return;
        waiting = false;
        yield result.value;
        waiting = true;
        deadline.touch();
      }
    } finally {
      deadline.end();
      if (!ended) iterator.return?.().then(undefined, () => {});
    }
  }
}

/** The call's arguments with the deadline's signal, every progress a sign of life. */
function watched(call: Call, deadline: Deadline): readonly unknown[] {
  const o = optionsOf(call) as CopyOptions;
  const reports = call.operation === "upload" || call.operation === "copy" || call.operation === "receive";
  const args = [
    ...withOptions(call, {
      ...o,
      signal: deadline.signal,
      ...(reports && {
        onProgress(bytes: number) {
          deadline.touch();
          o.onProgress?.(bytes);
        },
      }),
    }),
  ];
  if (call.operation === "upload")
    args[2] = watchedSource(args[2] as UploadSource, deadline.touch, () => deadline.allow(LIMITS.assembleMs));
  return args;
}

function guard(stream: Readable, deadline: Deadline): Readable {
  deadline.touch();
  const stop = () => stream.destroy(deadline.signal.reason as Error);
  deadline.signal.addEventListener("abort", stop, { once: true });
  stream.once("close", () => {
    deadline.signal.removeEventListener("abort", stop);
    deadline.end();
  });
  if (deadline.signal.aborted) stop();
  if (stream.closed) deadline.end();
  return onBytes(stream, deadline.touch);
}

async function withGrace<T>(clock: Clock, running: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await orAbort(running, signal);
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    const settled = new AbortController();
    const grace = clock.sleep(GRACE_MS, settled.signal);
    try {
      // A change that came to its end all the same is reported as what it is.
      return await Promise.race([running, grace.then(() => Promise.reject(error))]);
    } catch {
      throw error;
    } finally {
      settled.abort();
    }
  }
}

function letGo(call: Call, late: unknown): void {
  if (call.operation === "read") (late as Readable).on("error", () => {}).destroy();
  if (call.operation === "link" || call.operation === "thumbnailLink") dropLink(late as Link);
}
