/** One download with a link: the request, and what its answer must be. */
import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange, Entry, Link } from "#drivers/contract/mount.ts";
import { explainRefusal } from "./link-errors.ts";

/** Redirects that a download may take. */
const MAX_REDIRECTS = 5;

/** Bytes of a body that lie ready for its reader: as many as come at once. */
export const READY_BYTES = 512 * 1024;

/** Bytes on their way, and which of them were asked for. */
export interface Part {
  readonly body: Readable;
  /** Bytes to drop before the first one. */
  readonly skip: number;
  /** Bytes that were asked for; absent: all. */
  readonly length?: number;
  /** The length is a wish, since nobody knows the file's size. */
  readonly orLess: boolean;
  /** The body goes on after the length. */
  readonly cut: boolean;
  /** What tells this content from a later one; absent where the upstream does not tell. */
  readonly validator?: string;
}

/** The range of the file; undefined where it holds no byte. Throws what the link's `explain` and the answer's status mean. */
export async function fetchPart(
  file: Entry,
  link: Link,
  range: ByteRange | undefined,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<Part | undefined> {
  const size = link.size ?? (file.sizeIs === "about" ? undefined : file.size);
  const offset = range?.offset ?? 0;
  if (range && size !== undefined && offset >= size) {
    throw new StorageError("range-not-satisfiable", `the file has ${size} bytes, the range begins at ${offset}`);
  }
  const rest = size === undefined ? undefined : size - offset;
  const length = range?.length === undefined ? rest : Math.min(range.length, rest ?? range.length);
  if (length === 0 && range) return undefined;

  const isPart = offset > 0 || (length !== undefined && length !== rest);
  const asked = isPart && link.acceptsRanges ? rangeHeader(offset, length) : undefined;
  const answer = await get(link, asked, dispatcher, signal);
  if (answer.statusCode !== 200 && answer.statusCode !== 206) throw await explainRefusal(link, answer);
  try {
    const skip = checkAnswer(answer, asked !== undefined, offset, size) ? 0 : offset;
    const found = contentLength(answer);
    const available = found === undefined ? undefined : found - skip;
    const total = size === undefined && available !== undefined ? Math.min(length ?? available, available) : length;
    const validator = validatorOf(answer);
    return {
      body: answer.body,
      skip,
      ...(total !== undefined && { length: total }),
      orLess: size === undefined && available === undefined,
      cut: answer.statusCode === 200 && total !== undefined && total !== available,
      ...(validator !== undefined && { validator }),
    };
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
    const answer = await dispatcher.request({
      origin,
      path: pathname + search,
      method: "GET",
      headers,
      signal,
      highWaterMark: READY_BYTES,
    });
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

/** A strong ETag, else the time of the last change (RFC 9110 §8.8). */
function validatorOf({ headers }: Dispatcher.ResponseData): string | undefined {
  const { etag, "last-modified": modified } = headers;
  if (typeof etag === "string" && etag.startsWith('"')) return etag;
  return etag === undefined && typeof modified === "string" ? modified : undefined;
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

function lowerCase(headers: Link["headers"]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}
