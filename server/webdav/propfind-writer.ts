/** Writes multistatus bodies: in pieces, yielding by time, from prepared bytes where the listing's version allows (webdav.md §1.1, §5). */
import type { ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import { encodeName } from "#drivers/contract/path.ts";
import { createBufferPool } from "#server/http/buffer-pool.ts";
import { isWorthCompressing, varyByCoding } from "#server/http/content-coding.ts";
import type { Vfs } from "#server/vfs/api.ts";
import type { Listing, Resource } from "#server/vfs/resource.ts";
import { gzipOutlet, type Outlet, plainOutlet } from "./multistatus-outlet.ts";
import {
  answerOf,
  childrenOf,
  createPreparedAnswers,
  MAX_PREPARED_BYTES,
  type PreparedAnswer,
  type PreparedAnswers,
  TAIL,
} from "./prepared-answers.ts";
import type { PropertySet } from "./property-set.ts";
import { OWNCLOUD, type PropertyFacts } from "./props.ts";
import { isPlain } from "./xml.ts";

/** Bytes gathered before they are written. */
const PIECE_LENGTH = 64 * 1024;
/** Longest stretch of work between two looks at the event loop, in milliseconds. */
const YIELD_AFTER_MS = 5;
/** Entries between two looks at the clock. */
const ENTRIES_PER_LOOK = 64;

const HEAD = `<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:" xmlns:oc="${OWNCLOUD}">`;

/** What answers from the disk are put together in. */
const BODIES = createBufferPool(PIECE_LENGTH, 16);

/** One multistatus to write. */
export interface Multistatus {
  readonly response: ServerResponse;
  /** Headers beside the content's own, name and value in turn. */
  readonly headers: readonly string[];
  /** Whether the client takes gzip. */
  readonly gzip: boolean;
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
   * Writes the whole reply. Throws before anything is out when the listing fails within its first pieces; when it fails later, destroys the
   * connection and throws: a listing that ends well-formed and short makes sync tools delete files.
   */
  write(answer: Multistatus): Promise<void>;
}

/** Of how answers are written: to be raised with every change of it, for prepared bytes outlive the program that made them. */
const FORMAT = 2;

const NOTHING_KEPT: Vfs["prepared"] = { lengthOf: () => undefined, copy: () => false, keep() {} };

/** A writer; each front has one. `kept` is what outlives it. */
export function createPropfindWriter(kept = NOTHING_KEPT): PropfindWriter {
  const answers = createPreparedAnswers();
  /** Children on their way to be written, by key: one write makes all who list a directory ask anew at once. */
  const underWay = new Map<string, Promise<Buffer>>();

  /** Writes the children once for all who ask meanwhile; nobody's leaving ends it, for it is over in some milliseconds. */
  function written(key: string, answer: Multistatus): Promise<Buffer> {
    const running = underWay.get(key);
    if (running) return running;
    const started = gathered(answer).finally(() => underWay.delete(key));
    underWay.set(key, started);
    return started;
  }

  return {
    async write(answer) {
      const { listing, set, href, signal } = answer;
      const self = HEAD + element(href, set.propstats(answer.self, answer.selfFacts, listing === undefined));
      if (!listing) return end(answer, answers, answerOf(self, NOTHING));
      // Locks come and go, and their seconds run, without the directory's version.
      const isLasting = listing.version !== undefined && answer.facts.lockDiscovery === undefined;
      if (!isLasting) return void (await writeStream(answer, self, answers));
      const key = keyOf(answer, listing, listing.version as string);
      const known = answers.get(key, self);
      if (known) return end(answer, answers, known, key);
      const length = kept.lengthOf(key);
      if (length !== undefined) {
        const isHot = answers.isAskedAgain(key);
        if (!isHot && !answer.gzip) {
          if (endKept(answer, self, key, length, kept)) return;
        } else {
          const read = readKept(self, key, length, kept);
          if (read && isHot) answers.keep(key, read);
          if (read) return end(answer, answers, read, key);
        }
      }
      // What is in memory is written whole; very large directories are sent while they are read.
      if (!listing.entries) {
        const sent = await writeStream(answer, self, answers);
        if (sent) answers.keep(key, sent);
        return;
      }
      const children = await written(key, answer);
      signal.throwIfAborted();
      let made = answers.get(key, self);
      if (!made) {
        made = answerOf(self, children);
        answers.keep(key, made);
        // What is larger is rare, and quicker made anew than read.
        if (children.length < PIECE_LENGTH) kept.keep(key, childrenOf(made));
      }
      return end(answer, answers, made, key);
    },
  };
}

const NOTHING = Buffer.alloc(0);

/** Writes all of a listing as it comes; returns it where it is short enough to be kept. */
async function writeStream(
  answer: Multistatus,
  self: string,
  answers: PreparedAnswers,
): Promise<PreparedAnswer | undefined> {
  const { response, gzip, signal } = answer;
  const compressed: Buffer[] = [];
  let kept: Buffer[] | undefined = [];
  let keptBytes = 0;
  let outlet: Outlet | undefined;
  let held: Buffer | undefined;
  try {
    for await (const piece of pieces(answer)) {
      keptBytes += piece.length;
      if (keptBytes > MAX_PREPARED_BYTES) kept = undefined;
      kept?.push(piece);
      if (held) {
        if (!outlet) {
          response.writeHead(207, headersOf(answer, gzip) as never);
          outlet = gzip ? gzipOutlet(response, (bytes) => kept && compressed.push(bytes)) : plainOutlet(response);
          await outlet.write(Buffer.from(self, "latin1"));
        }
        await outlet.write(held);
        signal.throwIfAborted();
      }
      held = piece;
    }
    signal.throwIfAborted();
    if (outlet) await outlet.end(Buffer.concat([held ?? NOTHING, Buffer.from(TAIL, "latin1")]));
  } catch (error) {
    // What a pipeline to somebody who has left fails with is no failure of ours.
    signal.throwIfAborted();
    if (outlet) response.destroy();
    throw error;
  }
  if (!outlet) {
    const made = answerOf(self, held ?? NOTHING);
    await end(answer, answers, made);
    return made;
  }
  if (!kept) return undefined;
  const made = answerOf(self, Buffer.concat(kept));
  return gzip ? { ...made, gzip: Buffer.concat(compressed) } : made;
}

/** All children of a listing whose entries are in memory. */
async function gathered(answer: Multistatus): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces(answer)) all.push(piece);
  return all.length === 1 ? (all[0] as Buffer) : Buffer.concat(all);
}

/** The children in pieces of some 64 kB, with turns for others between. */
async function* pieces({ listing, set, facts, href }: Multistatus): AsyncGenerator<Buffer, void, undefined> {
  let text = "";
  let workedSince = performance.now();
  for await (const page of pagesOf(listing as Listing)) {
    for (let i = 0; i < page.length; i++) {
      const child = page[i] as Resource;
      text += element(childHref(href, child), set.propstats(child, facts, false));
      if (text.length < PIECE_LENGTH && i % ENTRIES_PER_LOOK !== 0) continue;
      if (text.length >= PIECE_LENGTH) {
        yield Buffer.from(text, "latin1");
        text = "";
      }
      // Awaiting the reader alone is no turn for others where it is quick.
      if (performance.now() - workedSince >= YIELD_AFTER_MS) {
        await setImmediate();
        workedSince = performance.now();
      }
    }
  }
  if (text !== "") yield Buffer.from(text, "latin1");
}

function pagesOf(listing: Listing): Iterable<readonly Resource[]> | AsyncIterable<readonly Resource[]> {
  return listing.entries ? [listing.entries] : listing.pages();
}

/** All that a prepared listing depends on: users with different base paths see different directories under one href. */
function keyOf({ href, set, facts }: Multistatus, { directory }: Listing, version: string): string {
  const can = facts.capabilities;
  const letters =
    can && set.needsCapabilities ? [can.remove, can.move, can.upload, can.createDirectory].map(Number).join("") : "";
  return `${FORMAT}\n${href}\n${directory.path}\n${version}\n${letters}\n${set.key}`;
}

function element(href: string, propstats: string): string {
  return `<D:response><D:href>${href}</D:href>${propstats}</D:response>`;
}

function childHref(parent: string, child: Resource): string {
  const { name } = child;
  const encoded = isPlain(name) ? name : encodeName(name);
  return child.kind === "directory" ? `${parent}${encoded}/` : parent + encoded;
}

function headersOf({ headers, response }: Multistatus, isCompressed: boolean): string[] {
  const all = [...headers, "Content-Type", "application/xml; charset=utf-8", "Vary", varyByCoding(response)];
  if (isCompressed) all.push("Content-Encoding", "gzip");
  return all;
}

function begin(answer: Multistatus, length: number, isCompressed = false): ServerResponse | undefined {
  const { response } = answer;
  if (response.destroyed) return undefined;
  const headers = headersOf(answer, isCompressed);
  headers.push("Content-Length", String(length));
  response.writeHead(207, headers as never);
  return response;
}

/** Ends with a whole answer, compressed where the client takes that and it is worth it. */
async function end(answer: Multistatus, answers: PreparedAnswers, made: PreparedAnswer, key?: string): Promise<void> {
  if (answer.gzip && isWorthCompressing(made.whole.length)) {
    const ready = answers.gzip(key, made);
    const bytes = Buffer.isBuffer(ready) ? ready : await ready;
    begin(answer, bytes.length, true)?.end(bytes);
  } else begin(answer, made.whole.length)?.end(made.whole);
}

/** What is kept on the disk as an answer of its own; undefined when it is not there after all. */
function readKept(self: string, key: string, length: number, kept: Vfs["prepared"]): PreparedAnswer | undefined {
  const made = answerOf(self, Buffer.allocUnsafeSlow(length));
  return kept.copy(key, made.whole, self.length) ? made : undefined;
}

/** Ends with what is kept on the disk, read to where it is sent from. False, and nothing is out, when it is not there. */
function endKept(answer: Multistatus, self: string, key: string, length: number, kept: Vfs["prepared"]): boolean {
  const whole = self.length + length + TAIL.length;
  const body = BODIES.take(whole);
  if (!kept.copy(key, body, self.length)) {
    BODIES.give(body);
    return false;
  }
  body.write(self, 0, "latin1");
  body.write(TAIL, whole - TAIL.length, "latin1");
  begin(answer, whole)?.end(body.subarray(0, whole), () => BODIES.give(body));
  return true;
}
