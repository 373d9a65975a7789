/** `read` made from `link`: fetches exactly a range of a file from where the driver says that it is. */
import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange, CallOptions, Entry, Mount } from "#drivers/contract/mount.ts";
import type { KeptLink } from "./link-cache.ts";
import { toTransportError } from "./link-errors.ts";
import { fetchPart, type Part } from "./link-fetch.ts";
import { ResumeTries } from "./link-resume.ts";
import { LinkSlots } from "./link-slots.ts";
import { LinkStream } from "./link-stream.ts";
import { dropLink } from "./shared-link.ts";

export interface LinkReadOptions {
  readonly clock: Clock;
  /** The mount's dispatcher for bytes, asked for when the first link is read. */
  readonly bytes: () => Dispatcher;
  /** `n` random bytes. */
  random(n: number): Uint8Array;
  /** Most connections per file at the upstream, where the link does not say. */
  readonly maxConnections?: number;
}

/** One download that runs: its link and its place among the file's connections. */
interface Fetch {
  readonly link: KeptLink;
  readonly part: Part | undefined;
  /** Gives the place back. */
  leave(): void;
}

/**
 * A mount's `read` over its `link`. Throws what the link's `explain` and the answer's status mean; a short body is `incomplete`.
 * A kept link that is refused is replaced once. A body that breaks off after its first byte is gone on with, with a fresh link.
 */
export function readThroughLink(
  link: NonNullable<Mount["link"]>,
  options: LinkReadOptions,
): NonNullable<Mount["read"]> {
  const slots = new LinkSlots(options.clock);

  const fetchWith = async (
    source: KeptLink,
    file: Entry,
    range: ByteRange | undefined,
    o: CallOptions,
  ): Promise<Fetch> => {
    let leave = () => {};
    try {
      leave = await slots.enter(file, source, options.maxConnections, o.signal);
      return { link: source, part: await fetchPart(file, source, range, options.bytes(), o.signal), leave };
    } catch (error) {
      leave();
      dropLink(source);
      const failure = toTransportError(error, o.signal);
      if (isOfTheLink(failure) && !o.signal.aborted) source.spoil?.();
      throw failure;
    }
  };

  const fetch = async (file: Entry, range: ByteRange | undefined, o: CallOptions): Promise<Fetch> => {
    const source: KeptLink = await link(file, { purpose: "proxy" }, o);
    try {
      return await fetchWith(source, file, range, o);
    } catch (error) {
      // What a link that was kept is refused for says nothing about the file: only a fresh one tells.
      if (source.isFresh !== false || !isRefusal(error)) throw error;
    }
    return fetchWith(await link(file, { purpose: "proxy" }, o), file, range, o);
  };

  return async (file, range, o) => {
    let current = await fetch(file, range, o);
    const first = current.part;
    const letGo = () => {
      current.leave();
      dropLink(current.link);
    };
    if (!first) {
      letGo();
      return Readable.from([], { objectMode: false });
    }
    const tries = new ResumeTries(options.clock, options.random);
    return new LinkStream(first, {
      toError: (cause) => brokenOff(cause, o.signal),
      done: letGo,
      async goOn(delivered, closed) {
        o.signal.throwIfAborted();
        const { acceptsRanges } = current.link;
        current.link.spoil?.();
        letGo();
        if (!acceptsRanges || first.validator === undefined || first.length === undefined) return undefined;
        const rest = { offset: (range?.offset ?? 0) + delivered, length: first.length - delivered };
        const signal = AbortSignal.any([o.signal, closed]);
        const next = await tries.run(delivered, signal, () => fetch(file, rest, { ...o, signal }));
        if (!next) return undefined;
        current = next;
        if (closed.aborted) letGo();
        else if (next.part?.validator !== first.validator) {
          next.part?.body.on("error", () => {}).destroy();
          throw new StorageError("incomplete", "the file changed while it was read");
        }
        return next.part;
      },
    });
  };
}

/** True for a failure that another link might not have. */
function isOfTheLink(failure: unknown): boolean {
  if (!(failure instanceof StorageError)) return false;
  const { kind, reason } = failure;
  return kind !== "range-not-satisfiable" && kind !== "rate-limited" && reason !== "busy";
}

function isRefusal(failure: unknown): boolean {
  const status = (failure instanceof StorageError && failure.upstream?.status) || 0;
  return status >= 400 && status < 500 && isOfTheLink(failure);
}

function brokenOff(error: Error, signal: AbortSignal): Error {
  if (signal.aborted) return signal.reason;
  return new StorageError("incomplete", "the download broke off", { retryable: true, cause: error });
}
