/** One file on its way to the server. */
import type { BigIntStats } from "node:fs";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { z } from "zod";
import type { Client } from "../client.ts";
import { Refused } from "../client.ts";
import { counted, localBody } from "./local-body.ts";
import type { Track } from "./meter.ts";

/** What the server stored. */
export const stored = z.object({
  path: z.string(),
  name: z.string(),
  size: z.number(),
  hashes: z.record(z.string(), z.string()).default({}),
  created: z.boolean(),
});
export type Stored = z.output<typeof stored>;

const row = z.union([z.object({ bytes: z.number() }), z.object({ done: stored })]);

/** The strategies of the API. */
export type WireConflict = "fail" | "replace" | "rename";

/** Refusals that mean "not here": the server does not see the file (421), or is no server of this machine (404). */
const ELSEWHERE = new Set([421, 404]);

export class Uploader {
  readonly #client: Client;
  /** False once the server was found to be elsewhere. */
  #isBeside = true;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Stores a local file: the server reads it itself where it can, and goes on where it was after an interruption; else the bytes are sent. Throws Refused. */
  async file(local: string, stats: BigIntStats, path: string, conflict: WireConflict, track: Track): Promise<Stored> {
    if (this.#isBeside) {
      try {
        return await this.#beside(resolve(local), stats, path, conflict, track);
      } catch (error) {
        if (!(error instanceof Refused) || error.kind !== undefined || !ELSEWHERE.has(error.code ?? 0)) throw error;
        this.#isBeside = error.code !== 404;
      }
    }
    const size = Number(stats.size);
    const modifiedAt = Number(stats.mtimeNs / 1000n) / 1000;
    return this.#send(
      localBody(local, { size }, (bytes) => track.add(bytes)),
      { path, conflict, modifiedAt },
      size,
    );
  }

  /** Stores what comes, until it ends. Throws Refused. */
  async stream(body: Readable, path: string, conflict: WireConflict, track: Track): Promise<Stored> {
    return this.#send(
      counted(body, (bytes) => track.add(bytes)),
      { path, conflict },
    );
  }

  async #beside(
    localPath: string,
    stats: BigIntStats,
    path: string,
    conflict: WireConflict,
    track: Track,
  ): Promise<Stored> {
    const facts = { size: Number(stats.size), modifiedNs: String(stats.mtimeNs), inode: String(stats.ino) };
    const body = { localPath, path, conflict, ...facts };
    for await (const line of this.#client.rows({ method: "POST", path: "/api/pandav/fs/upload-local", body }, row)) {
      if ("done" in line) return line.done;
      track.set(line.bytes);
    }
    throw new Error("the server did not say what it stored");
  }

  #send(content: Readable, query: Record<string, string | number>, size?: number): Promise<Stored> {
    const headers = {
      "content-type": "application/octet-stream",
      ...(size !== undefined && { "content-length": String(size) }),
    };
    return this.#client.call({ method: "PUT", path: "/api/pandav/fs/content", query, content, headers }, stored);
  }
}
