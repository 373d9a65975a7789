/** `read` made from `link`: fetches exactly a range of a file from where the driver says that it is. */
import { pipeline, Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange, CallOptions, Entry, Link, Mount } from "#drivers/contract/mount.ts";
import { exactly } from "./exact-bytes.ts";
import { explainRefusal, toTransportError } from "./link-errors.ts";
import { dropLink } from "./shared-link.ts";

/** Redirects that a download may take. */
const MAX_REDIRECTS = 5;

/** A mount's `read` over its `link`. Throws what the link's `explain` and the answer's status mean; a short body is `incomplete`. */
export function readThroughLink(link: NonNullable<Mount["link"]>, bytes: () => Dispatcher): NonNullable<Mount["read"]> {
  return async (file, range, o) => {
    const source = await link(file, { purpose: "proxy" }, o);
    let handedOn = false;
    try {
      const stream = await fetchRange(file, source, range, bytes(), o);
      handedOn = true;
      stream.once("close", () => dropLink(source));
      return stream;
    } catch (error) {
      throw toTransportError(error, o.signal);
    } finally {
      if (!handedOn) dropLink(source);
    }
  };
}

async function fetchRange(
  file: Entry,
  link: Link,
  range: ByteRange | undefined,
  dispatcher: Dispatcher,
  o: CallOptions,
): Promise<Readable> {
  const size = link.size ?? (file.sizeIs === "about" ? undefined : file.size);
  const offset = range?.offset ?? 0;
  if (range && size !== undefined && offset >= size) {
    throw new StorageError("range-not-satisfiable", `the file has ${size} bytes, the range begins at ${offset}`);
  }
  const rest = size === undefined ? undefined : size - offset;
  const length = range?.length === undefined ? rest : Math.min(range.length, rest ?? range.length);
  if (length === 0 && range) return Readable.from([], { objectMode: false });

  const isPart = offset > 0 || (length !== undefined && length !== rest);
  const asked = isPart && link.acceptsRanges ? rangeHeader(offset, length) : undefined;
  const answer = await get(link, asked, dispatcher, o.signal);
  if (answer.statusCode !== 200 && answer.statusCode !== 206) throw await explainRefusal(link, answer);
  try {
    const skip = checkAnswer(answer, asked !== undefined, offset, size) ? 0 : offset;
    const found = contentLength(answer);
    const available = found === undefined ? undefined : found - skip;
    const total = size === undefined && available !== undefined ? Math.min(length ?? available, available) : length;
    const exact = exactly({
      skip,
      ...(total !== undefined && { length: total }),
      orLess: size === undefined && available === undefined,
      cut: answer.statusCode === 200 && total !== undefined && total !== available,
    });
    // Before `pipeline`, whose own listener would hand on the transport's error.
    answer.body.on("error", (error) => exact.destroy(brokenOff(error, o.signal)));
    pipeline(answer.body, exact, () => {});
    return exact;
  } catch (error) {
    answer.body.on("error", () => {}).destroy();
    throw error;
  }
}

async function get(
  link: Link,
  range: string | undefined,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  let url = new URL(link.url);
  // Coded bytes would not be the file's.
  let headers: Record<string, string> = {
    "accept-encoding": "identity",
    ...lowerCase(link.headers),
    ...(range && { range }),
  };
  for (let hops = 0; ; hops++) {
    const { origin, pathname, search } = url;
    const answer = await dispatcher.request({ origin, path: pathname + search, method: "GET", headers, signal });
    const location = answer.headers.location;
    if (![301, 302, 303, 307, 308].includes(answer.statusCode) || typeof location !== "string") return answer;
    await answer.body.dump();
    if (hops === MAX_REDIRECTS) throw new StorageError("upstream", "the download redirects in circles");
    const next = new URL(location, url);
    if (next.origin !== url.origin) {
      const { cookie: _cookie, authorization: _authorization, ...rest } = headers;
      headers = rest;
    }
    url = next;
  }
}

/** True when the body begins at the offset, false when it is the whole file. Throws `precondition-failed` when it is another file than the entry says. */
function checkAnswer(
  answer: Dispatcher.ResponseData,
  asked: boolean,
  offset: number,
  size: number | undefined,
): boolean {
  if (answer.statusCode === 200) {
    // RFC 9110 §14.2: a server may ignore Range and send everything.
    const length = contentLength(answer);
    if (size !== undefined && length !== undefined && length !== size) throw changed(size, length);
    return offset === 0;
  }
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(String(answer.headers["content-range"]));
  if (!asked || !match) throw new StorageError("upstream", "the download answered with a part that nobody asked for");
  if (Number(match[1]) !== offset) throw new StorageError("upstream", "the download answered with another range");
  const total = match[3] === "*" ? undefined : Number(match[3]);
  if (size !== undefined && total !== undefined && total !== size) throw changed(size, total);
  return true;
}

function changed(size: number, found: number): StorageError {
  return new StorageError("precondition-failed", `the file changed: it was listed with ${size} bytes and has ${found}`);
}

function rangeHeader(offset: number, length: number | undefined): string {
  return `bytes=${offset}-${length === undefined ? "" : offset + length - 1}`;
}

function contentLength(answer: Dispatcher.ResponseData): number | undefined {
  const text = answer.headers["content-length"];
  return typeof text === "string" && /^\d+$/.test(text) ? Number(text) : undefined;
}

function brokenOff(error: Error, signal: AbortSignal): Error {
  if (signal.aborted) return signal.reason;
  return new StorageError("incomplete", "the download broke off", { retryable: true, cause: error });
}

function lowerCase(headers: Link["headers"]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}
