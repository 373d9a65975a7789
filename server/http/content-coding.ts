/** Which form of a reply a client takes (RFC 9110 §12.5.3), and gzip made off the event loop. */
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { createGzip, type Gzip, gzip } from "node:zlib";

/** Shorter bodies are sent as they are: they fit into a packet or two, and compressing them costs more than it saves. */
const MIN_BYTES = 2048;

/** Of a listing's XML level 3 leaves a tenth less than level 1 in the same time; level 6 another tenth less in twice the time (decision 0016). */
const LEVEL = 3;

/** Bytes that one step of the compressor hands over. */
const CHUNK_BYTES = 64 * 1024;

const gzipInThreads = promisify<Buffer, { level: number; chunkSize: number }, Buffer>(gzip);

/** True when the client says that it takes gzip. */
export function acceptsGzip(headers: IncomingHttpHeaders): boolean {
  const header = headers["accept-encoding"];
  if (header === undefined || header === "") return false;
  // What Go's clients send.
  if (header === "gzip") return true;
  let byStar = false;
  for (const item of String(header).toLowerCase().split(",")) {
    const [coding, ...parameters] = item.split(";").map((part) => part.trim());
    if (coding !== "gzip" && coding !== "x-gzip" && coding !== "*") continue;
    const isTaken = !parameters.some((parameter) => /^q\s*=\s*0(?:\.0*)?$/.test(parameter));
    if (coding !== "*") return isTaken;
    byStar = isTaken;
  }
  return byStar;
}

/** True where a body of that many bytes is worth compressing. */
export function isWorthCompressing(bytes: number): boolean {
  return bytes >= MIN_BYTES;
}

/** The value of `Vary` for a reply that also comes compressed; what stands there already stays. */
export function varyByCoding(response: ServerResponse): string {
  const before = response.getHeader("vary");
  return before === undefined ? "Accept-Encoding" : `${String(before)}, Accept-Encoding`;
}

/** The compressed bytes, made in a thread of Node's pool. */
export function compress(bytes: Buffer): Promise<Buffer> {
  return gzipInThreads(bytes, { level: LEVEL, chunkSize: CHUNK_BYTES });
}

/** A compressor for a body that is written while it is sent; it works in threads of Node's pool. */
export function createCompressor(): Gzip {
  return createGzip({ level: LEVEL, chunkSize: CHUNK_BYTES });
}
