/** Writes multistatus bodies: in pieces, yielding by time, from prepared bytes where the listing's version allows (webdav.md §1.1, §5). */
import type { ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { encodeName } from "#drivers/contract/path.ts";
import { createBufferPool } from "#server/http/buffer-pool.ts";
import { drained } from "#server/http/send.ts";
import type { Vfs } from "#server/vfs/api.ts";
import type { Listing, Resource } from "#server/vfs/resource.ts";
import type { PropertySet } from "./property-set.ts";
import { OWNCLOUD, type PropertyFacts } from "./props.ts";
import { isPlain } from "./xml.ts";

/** Bytes of prepared listings kept in memory. */
const PREPARED_BYTES = 32 * 1024 * 1024;
/** A listing larger than this is written and not kept: one huge directory must not push out all others. */
const MAX_PREPARED_BYTES = 8 * 1024 * 1024;
/** Bytes gathered before they are written. */
const PIECE_LENGTH = 64 * 1024;
/** Longest stretch of work between two looks at the event loop, in milliseconds. */
const YIELD_AFTER_MS = 5;
/** Entries between two looks at the clock. */
const ENTRIES_PER_LOOK = 64;

const HEAD = `<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:" xmlns:oc="${OWNCLOUD}">`;
const TAIL = "</D:multistatus>";

/** What answers of one piece are put together in. */
const BODIES = createBufferPool(PIECE_LENGTH, 16);

/** One multistatus to write. */
export interface Multistatus {
  readonly response: ServerResponse;
  /** Headers beside the content's own, name and value in turn. */
  readonly headers: readonly string[];
  readonly set: PropertySet;
  /** The encoded path of the resource that the request names, with `/` for directories. */
  readonly href: string;
  readonly self: Resource;
  readonly selfFacts: PropertyFacts;
  /** What the children's properties need; their own `usage` is never known. */
  readonly facts: PropertyFacts;
  /** Absent: Depth 0. */
  readonly listing?: Listing;
  readonly signal: AbortSignal;
}

/** A writer with its own memory of prepared listings. */
export interface PropfindWriter {
  /**
   * Writes the whole reply. Throws before anything is out when the listing fails within its first piece; when it fails later, destroys the
   * connection and throws: a listing that ends well-formed and short makes sync tools delete files.
   */
  write(answer: Multistatus): Promise<void>;
}

/** Of how answers are written: to be raised with every change of it, for prepared bytes outlive the program that made them. */
const FORMAT = 2;

const NOTHING_KEPT: Vfs["prepared"] = { lengthOf: () => undefined, copy: () => false, keep() {} };

/** A writer; each front has one. `kept` is what outlives it. */
export function createPropfindWriter(kept = NOTHING_KEPT): PropfindWriter {
  const prepared = new LRUCache<string, readonly Buffer[]>({
    maxSize: PREPARED_BYTES,
    sizeCalculation: (pieces, key) => lengthOf(pieces) + key.length * 2 + 100,
  });

  return {
    async write(answer) {
      const { listing, set, href } = answer;
      const self = HEAD + element(href, set.propstats(answer.self, answer.selfFacts, listing === undefined));
      if (!listing) return end(answer, Buffer.from(self + TAIL, "latin1"));
      // Locks come and go, and their seconds run, without the directory's version.
      const isLasting = listing.version !== undefined && answer.facts.lockDiscovery === undefined;
      const key = isLasting ? keyOf(answer, listing, listing.version as string) : undefined;
      if (key !== undefined) {
        const known = prepared.get(key);
        if (known) return endPieces(answer, self, known);
        if (endKept(answer, self, key, kept)) return;
      }
      const children = await writeChildren(answer, self);
      if (key === undefined || !children) return;
      prepared.set(key, children);
      // What comes in several pieces is large, rare, and quicker made anew than read.
      if (children.length === 1) kept.keep(key, children[0] as Buffer);
    },
  };
}

/** Writes all of a listing; returns the children's bytes when they are few enough to be kept. */
async function writeChildren(answer: Multistatus, self: string): Promise<readonly Buffer[] | undefined> {
  const { response, listing, set, facts, href, signal } = answer;
  let kept: Buffer[] | undefined = [];
  let keptBytes = 0;
  let begun = false;
  let text = "";
  let workedSince = performance.now();

  const flush = async () => {
    const bytes = Buffer.from(text, "latin1");
    text = "";
    keptBytes += bytes.length;
    if (keptBytes > MAX_PREPARED_BYTES) kept = undefined;
    kept?.push(bytes);
    if (!begun) {
      begun = true;
      response.writeHead(207, headersOf(answer) as never);
      response.write(self, "latin1");
    }
    response.write(bytes);
    await drained(response);
    signal.throwIfAborted();
    workedSince = await yielded(workedSince);
  };
  const add = async (page: readonly Resource[]) => {
    for (let i = 0; i < page.length; i++) {
      const child = page[i] as Resource;
      text += element(childHref(href, child), set.propstats(child, facts, false));
      if (text.length >= PIECE_LENGTH) await flush();
      else if (i % ENTRIES_PER_LOOK === 0) workedSince = await yielded(workedSince);
    }
  };

  try {
    if (listing?.entries) await add(listing.entries);
    else for await (const page of (listing as Listing).pages()) await add(page);
    signal.throwIfAborted();
  } catch (error) {
    if (begun) response.destroy();
    throw error;
  }
  const last = Buffer.from(text, "latin1");
  if (begun) {
    response.write(last);
    response.end(TAIL);
  } else {
    endPieces(answer, self, [last]);
  }
  return kept && [...kept, last];
}

function lengthOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** All that a prepared listing depends on: users with different base paths see different directories under one href. */
function keyOf({ href, set, facts }: Multistatus, { directory }: Listing, version: string): string {
  const can = facts.capabilities;
  const letters =
    can && set.needsCapabilities ? [can.remove, can.move, can.upload, can.createDirectory].map(Number).join("") : "";
  return `${FORMAT}\n${href}\n${directory.path}\n${version}\n${letters}\n${set.key}`;
}

/** The time from which work is counted anew, after a yield where it took too long: awaiting `drain` alone is none on a fast client. */
async function yielded(workedSince: number): Promise<number> {
  if (performance.now() - workedSince < YIELD_AFTER_MS) return workedSince;
  await setImmediate();
  return performance.now();
}

function element(href: string, propstats: string): string {
  return `<D:response><D:href>${href}</D:href>${propstats}</D:response>`;
}

function childHref(parent: string, child: Resource): string {
  const { name } = child;
  const encoded = isPlain(name) ? name : encodeName(name);
  return child.kind === "directory" ? `${parent}${encoded}/` : parent + encoded;
}

function headersOf({ headers }: Multistatus): string[] {
  return [...headers, "Content-Type", "application/xml; charset=utf-8"];
}

function begin(answer: Multistatus, length: number): ServerResponse | undefined {
  const { response } = answer;
  if (response.destroyed) return undefined;
  response.writeHead(207, [...headersOf(answer), "Content-Length", String(length)] as never);
  return response;
}

function end(answer: Multistatus, body: Buffer): void {
  begin(answer, body.length)?.end(body);
}

/** Ends with what is kept on the disk, read to where it is sent from. False, and nothing is out, when it is not there. */
function endKept(answer: Multistatus, self: string, key: string, kept: Vfs["prepared"]): boolean {
  const length = kept.lengthOf(key);
  if (length === undefined) return false;
  const whole = self.length + length + TAIL.length;
  const body = BODIES.take(whole);
  if (!kept.copy(key, body, self.length)) {
    BODIES.give(body);
    return false;
  }
  endBody(answer, self, body, whole);
  return true;
}

function endPieces(answer: Multistatus, self: string, pieces: readonly Buffer[]): void {
  const whole = self.length + lengthOf(pieces) + TAIL.length;
  // One copy of a small body is cheaper than several writes.
  if (whole <= PIECE_LENGTH) {
    const body = BODIES.take(whole);
    let at = self.length;
    for (const piece of pieces) at += piece.copy(body, at);
    endBody(answer, self, body, whole);
    return;
  }
  const response = begin(answer, whole);
  if (!response) return;
  response.cork();
  response.write(self, "latin1");
  for (const piece of pieces) response.write(piece);
  response.end(TAIL);
  response.uncork();
}

/** Ends with a body that lacks its first and last bytes yet. */
function endBody(answer: Multistatus, self: string, body: Buffer, length: number): void {
  body.write(self, 0, "latin1");
  body.write(TAIL, length - TAIL.length, "latin1");
  begin(answer, length)?.end(body.subarray(0, length), () => BODIES.give(body));
}
