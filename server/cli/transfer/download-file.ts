/** One file on its way from the server to the local disk: in pieces side by side, resumed, verified, and only then under its name. */
import type { IncomingMessage } from "node:http";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, Refused } from "../client.ts";
import { copyContent, readContent } from "../content.ts";
import { CommandError, cannot, EXIT } from "../report.ts";
import { statPath } from "../stat.ts";
import type { StatReply } from "../wire.ts";
import { placeLocal } from "./local-target.ts";
import type { Track } from "./meter.ts";
import { PartFile, type Span } from "./part-file.ts";
import type { Places } from "./pool.ts";
import { Damaged, Follower, startCheck } from "./verify.ts";

/** Bytes asked for at a time. */
const PIECE = 16 * 1024 * 1024;

/** Tries of one piece that bring nothing new. */
const TRIES = 4;

/** Before the second try, in milliseconds; it doubles. */
const FIRST_DELAY_MS = 500;

/** Downloads of a file that changes each time before it is whole. */
const BEGINNINGS = 3;

/** Refusals that may not come again. */
const PASSING = new Set(["unavailable", "timeout", "incomplete", "rate-limited", "upstream"]);

export interface DownloaderOptions {
  readonly client: Client;
  /** Requests at a time, over all files. */
  readonly places: Places;
  readonly verify: boolean;
  readonly signal: AbortSignal;
}

/** What becomes of the local name. */
export interface Placing {
  /** False: it fails where the name is taken. */
  readonly replace: boolean;
  /** Of what it replaces. */
  readonly mode?: number | undefined;
}

/** Workers of one file; they wait for their places. */
const MOST_WORKERS = 64;

/** The file became another one while it came. */
class Changed extends CommandError {
  constructor(path: string) {
    super(EXIT.failed, `'${path}' changes while it is downloaded: try again later`);
  }
}

export class Downloader {
  readonly #o: DownloaderOptions;

  constructor(options: DownloaderOptions) {
    this.#o = options;
  }

  /** The file as it came, under the local name. Throws Refused, CommandError, and the system's errors. */
  async file(found: StatReply, target: string, o: Placing, track: Track): Promise<StatReply> {
    let now = found;
    for (let beginning = 1; ; beginning++) {
      try {
        await this.#once(now, target, o, track);
        return now;
      } catch (error) {
        if (!(error instanceof Changed) || beginning === BEGINNINGS) throw error;
      }
      track.set(0);
      now = await statPath(this.#o.client, found.path);
    }
  }

  /** The bytes into a stream that stays open; what came wrong is known at the end only. */
  async stream(found: StatReply, shown: string, out: Writable, track: Track): Promise<void> {
    const check = this.#o.verify ? startCheck(found.hashes) : undefined;
    const body = await this.#read(found, undefined);
    body.on("data", (chunk: Buffer) => {
      track.add(chunk.length);
      check?.update(chunk);
    });
    await copyContent(body, out, cannot("download", shown));
    check?.end(found.path);
  }

  async #once(found: StatReply, target: string, o: Placing, track: Track): Promise<void> {
    const isExact = found.size !== undefined && found.sizeIs !== "about";
    const facts = { path: found.path, size: found.size ?? 0, version: versionOf(found) };
    const part = await PartFile.open(target, isExact ? facts : { ...facts, size: 0, version: "" });
    const check = this.#o.verify ? startCheck(found.hashes) : undefined;
    const follower = check && new Follower(part, check);
    try {
      track.set(part.bytes);
      if (isExact) await this.#pieces(found, part, track, () => follower?.advance());
      else await this.#whole(found, part, track);
      await follower?.end(found.path);
      await part.seal(found.modifiedAt, o.mode);
      await placeLocal(part.path, target, o.replace);
    } catch (error) {
      await follower?.stop();
      if (isWorthKeeping(error) && isExact) await part.keep();
      else await part.discard();
      throw error;
    }
    await part.discard();
  }

  async #pieces(found: StatReply, part: PartFile, track: Track, came: () => void): Promise<void> {
    const spans = part.missing(PIECE);
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#o.signal, stop.signal]);
    let failed: { readonly error: unknown } | undefined;
    const work = async () => {
      for (;;) {
        const leave = await this.#o.places.take();
        try {
          signal.throwIfAborted();
          const span = spans.shift();
          if (!span) return;
          await this.#piece(found, part, span, track, signal);
          came();
        } catch (error) {
          failed ??= { error };
          stop.abort(error);
          return;
        } finally {
          leave();
        }
      }
    };
    // As many as there are pieces; how many of them run at a time is up to the places.
    await Promise.all(Array.from({ length: Math.min(spans.length, MOST_WORKERS) }, work));
    if (failed) throw (failed as { error: unknown }).error;
    const missing = part.missing(PIECE);
    if (missing.length > 0) throw new CommandError(EXIT.failed, `'${found.path}' did not come whole`);
  }

  /** One span, gone on with where a try broke off. */
  async #piece(found: StatReply, part: PartFile, span: Span, track: Track, signal: AbortSignal): Promise<void> {
    let at = span.from;
    for (let tries = 1; ; tries++) {
      const before = at;
      try {
        const body = await this.#read(found, { from: at, to: span.to });
        const writer = part.writer(before, (bytes) => {
          at += bytes;
          track.add(bytes);
        });
        await pipeline(body, writer, { signal });
        if (at === span.to) return;
        throw new CommandError(EXIT.failed, `'${found.path}': ${at - before} of ${span.to - before} bytes came`);
      } catch (error) {
        signal.throwIfAborted();
        if (at > before) tries = 1;
        if (tries === TRIES || !isPassing(error)) throw error;
      }
      await sleep(FIRST_DELAY_MS * 2 ** (tries - 1), undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  /** A file whose size nobody knows beforehand. */
  async #whole(found: StatReply, part: PartFile, track: Track): Promise<void> {
    const leave = await this.#o.places.take();
    try {
      const body = await this.#read(found, undefined);
      await pipeline(body, part.writer(0, track.add), { signal: this.#o.signal });
    } finally {
      leave();
    }
  }

  async #read({ path, etag }: StatReply, span: Span | undefined): Promise<IncomingMessage> {
    try {
      return await readContent(this.#o.client, path, { range: span && `${span.from}-${span.to - 1}`, etag });
    } catch (error) {
      if (error instanceof Refused && error.kind === "precondition-failed") throw new Changed(path);
      throw error;
    }
  }
}

function versionOf({ etag, modifiedAt }: StatReply): string {
  return etag ?? String(modifiedAt ?? "");
}

/** What the local disk refuses stays refused. */
const LOCAL_CODES = new Set(["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "EACCES", "EPERM", "EBADF", "EINVAL"]);

function isPassing(error: unknown): boolean {
  if (error instanceof CommandError) return false;
  if (error instanceof Refused) return error.kind !== undefined && PASSING.has(error.kind);
  const { code, name } = error as { code?: string; name?: string };
  return name === "BrokenCall" || (code !== undefined && !LOCAL_CODES.has(code));
}

/** False where what came is of no use to another try. */
function isWorthKeeping(error: unknown): boolean {
  return !(error instanceof Changed) && !(error instanceof Damaged);
}
