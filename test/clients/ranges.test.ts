/** Thousands of random range reads at once through the real server, every byte compared: what seeking players and `rclone mount` do. */
import { mkdirSync, writeFileSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pseudoRandom, pseudoRandomBytes } from "#test/support/pseudo-random.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

const READS = 3_000;
const AT_ONCE = 16;
const MAX_LENGTH = 200_000;
/** The edges of what is read at once, of what is sent at once, and of a stream's chunks. */
const SIZES = [0, 1, 4_502, 6_509, 65_535, 65_536, 65_537, 131_072, 524_287, 524_288, 524_289, 1_048_575, 1_048_576];
const VERSIONS = 12;
const REPLACED_BYTES = 300_000;

interface Read {
  readonly name: string;
  readonly offset: number;
  /** Absent: to the end. */
  readonly length?: number;
  /** The reader goes away at the first bytes. */
  readonly leaves: boolean;
}

describe("random ranges over WebDAV", () => {
  let server: RunningServer;
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const contents = new Map(SIZES.map((size) => [`${size}.bin`, pseudoRandomBytes(size, size + 1)]));
  const versions = Array.from({ length: VERSIONS }, (_, i) => pseudoRandomBytes(REPLACED_BYTES, 1_000 + i));

  beforeAll(async () => {
    server = await startServer();
    const folder = join(server.dataDir, "files", "ranges");
    mkdirSync(folder);
    for (const [name, bytes] of contents) writeFileSync(join(folder, name), bytes);
  });
  afterAll(async () => {
    agent.destroy();
    await server.stop();
  });

  it(`are the file's bytes in ${READS} reads, ${AT_ONCE} at once, some of which leave early`, async () => {
    const random = pseudoRandom(41);
    const reads = Array.from({ length: READS }, () => randomRead(random, [...contents]));
    const wrong: string[] = [];
    let compared = 0;
    await atOnce(reads, async (read) => {
      const { status, body } = await get(read);
      if (read.leaves) return;
      const whole = contents.get(read.name)!;
      const end = read.length === undefined ? whole.length : Math.min(whole.length, read.offset + read.length);
      compared += body.length;
      // Every player asks for `bytes=0-`; of an empty file that is the whole.
      if (status !== (whole.length === 0 ? 200 : 206)) wrong.push(`${status} of ${describeRead(read)}`);
      else if (!body.equals(whole.subarray(read.offset, end))) {
        wrong.push(`${describeRead(read)}: ${body.length} bytes differ`);
      }
    });
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(50_000_000);
  });

  it("are those of one version while the file is replaced, as of the ETag that was sent (RFC 9110 §8.8.3)", async () => {
    await put(versions[0]!);
    const random = pseudoRandom(43);
    const byEtag = new Map<string, number>();
    let reading = true;
    const wrong: string[] = [];
    const readers = Array.from({ length: 6 }, async () => {
      while (reading) {
        const read = { ...randomRead(random, [["replaced.bin", versions[0]!]]), leaves: false };
        const { status, body, etag } = await get(read);
        const found = versions.findIndex((bytes) =>
          body.equals(bytes.subarray(read.offset, read.offset + (read.length ?? REPLACED_BYTES))),
        );
        // A range of a few bytes may be the same in several versions.
        if (status !== 206 || found < 0) wrong.push(`${status} of ${describeRead(read)}`);
        else if (body.length > 16 && (byEtag.get(etag) ?? found) !== found) wrong.push(`${etag} of two versions`);
        else if (body.length > 16) byEtag.set(etag, found);
      }
    });
    for (const bytes of versions.slice(1)) await put(bytes);
    reading = false;
    await Promise.all(readers);
    expect(wrong).toEqual([]);
    expect(byEtag.size).toBeGreaterThan(1);
  });

  async function get({ name, offset, length, leaves }: Read) {
    const range = `bytes=${offset}-${length === undefined ? "" : offset + length - 1}`;
    const answer = await send("GET", name, { range });
    if (leaves) answer.destroy();
    return {
      status: answer.statusCode,
      etag: answer.headers.etag ?? "",
      body: leaves ? Buffer.alloc(0) : await buffer(answer),
    };
  }

  async function put(bytes: Buffer): Promise<void> {
    const answer = await send("PUT", "replaced.bin", { "content-length": String(bytes.length) }, bytes);
    answer.resume();
    expect([201, 204]).toContain(answer.statusCode);
  }

  function send(method: string, name: string, headers: Readonly<Record<string, string>>, body?: Buffer) {
    return new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request(`${server.url}/dav/local/ranges/${name}`, {
        method,
        agent,
        headers,
        auth: `${server.user}:${server.password}`,
        signal: AbortSignal.timeout(30_000),
      });
      sent.once("response", resolve).once("error", reject);
      sent.end(body);
    });
  }
});

function randomRead(random: () => number, files: readonly (readonly [string, Uint8Array])[]): Read {
  const [name, bytes] = files[Math.floor(random() * files.length)]!;
  const offset = Math.floor(random() * bytes.length);
  const kind = random();
  return {
    name,
    offset,
    ...(kind > 0.2 && { length: 1 + Math.floor(random() * (kind > 0.8 ? MAX_LENGTH : 10_000)) }),
    leaves: random() < 0.15,
  };
}

async function atOnce<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await act(items[next++]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function describeRead({ name, offset, length }: Read): string {
  return `${name} at ${offset}, ${length === undefined ? "to the end" : `${length} bytes`}`;
}
