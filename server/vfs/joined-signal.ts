/** One signal of several, that goes as soon as nobody needs it. */
import type { Readable } from "node:stream";

/** A signal that aborts with the reason of the first of its sources that does. */
export interface JoinedSignal {
  readonly signal: AbortSignal;
  /** Must be called at the end: the sources forget it. */
  leave(): void;
}

/**
 * Joins signals for a while. `AbortSignal.any` holds what it made, and all that listens to it, until the old generation is collected: by the thousand
 * beside a source that lives as long as the server, that is most of what the server takes.
 */
export function joinSignals(...sources: readonly AbortSignal[]): JoinedSignal {
  const joined = new AbortController();
  const leave = () => {
    for (const source of sources) source.removeEventListener("abort", follow);
  };
  const follow = (event: Event) => abort(event.target as AbortSignal);
  const abort = (source: AbortSignal) => {
    leave();
    joined.abort(source.reason);
  };
  const aborted = sources.find((source) => source.aborted);
  if (aborted) joined.abort(aborted.reason);
  else for (const source of sources) source.addEventListener("abort", follow, { once: true });
  return { signal: joined.signal, leave };
}

/** Destroys a stream with the signal's reason when it aborts, and forgets the signal when the stream is closed. Returns the stream. */
export function endWith<S extends Readable>(stream: S, signal: AbortSignal): S {
  const end = () => void stream.destroy(toError(signal.reason));
  if (signal.aborted) end();
  else {
    signal.addEventListener("abort", end, { once: true });
    stream.once("close", () => signal.removeEventListener("abort", end));
  }
  return stream;
}

/** Streams take only errors as a reason to end. */
function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("aborted", { cause: reason });
}
