/** SIGKILL while files are being written: what is on the disk and in the data folder after the next start. */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { request } from "./http-put.ts";

const FILES = 50;
const FILE_BYTES = 2 * 1024 * 1024;
const FIRST_BYTES_MS = 50;
const FOLDER = "/dav/local/durable";

/** One round: 50 files in an old version, 50 PUTs of a new one at once, SIGKILL when `afterAnswers` of them are answered, start again, look. */
export async function killDuringPuts(
  afterAnswers: number,
): Promise<{ old: number; new: number; acknowledged: number }> {
  const dataDir = mkdtempSync(join(tmpdir(), "pandav-durable-"));
  let server: RunningServer | undefined;
  try {
    server = await startServer({ dataDir });
    expect((await request(server, "MKCOL", FOLDER)).status).toBe(201);
    const before = await putAll(server, "old");
    expect(before.filter((ok) => !ok)).toEqual([]);

    const reached = Promise.withResolvers<void>();
    let answers = 0;
    const puts = putAll(server, "new", () => {
      answers += 1;
      if (answers >= afterAnswers) reached.resolve();
    });
    // With 0, some bytes are on their way.
    if (afterAnswers === 0) await sleep(FIRST_BYTES_MS);
    else await reached.promise;
    await server.kill9();
    const acknowledged = await puts;

    server = await startServer({ dataDir });
    const result = { old: 0, new: 0, acknowledged: acknowledged.filter(Boolean).length };
    for (let i = 0; i < FILES; i += 1) {
      const { status, body } = await request(server, "GET", `${FOLDER}/${i}.bin`);
      expect(status).toBe(200);
      const version = (["old", "new"] as const).find((v) => digest(body) === digest(content(i, v)));
      // Old or new, and whole; and what was acknowledged is not lost.
      expect({ file: i, version }).toEqual({
        file: i,
        version: acknowledged[i] ? "new" : expect.stringMatching(/^(old|new)$/),
      });
      result[version ?? "old"] += 1;
    }
    await leavesNothingBehind(server, dataDir);
    return result;
  } finally {
    await server?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** True per file whose PUT was answered with success. */
function putAll(
  server: RunningServer,
  version: "old" | "new",
  answered: () => void = () => undefined,
): Promise<boolean[]> {
  return Promise.all(
    Array.from({ length: FILES }, (_, i) =>
      request(server, "PUT", `${FOLDER}/${i}.bin`, content(i, version)).then(
        ({ status }) => {
          answered();
          return status === 201 || status === 204;
        },
        () => false,
      ),
    ),
  );
}

/** Nothing of the interrupted writes stays in the spool or can be seen. */
async function leavesNothingBehind(server: RunningServer, dataDir: string): Promise<void> {
  const listing = (await request(server, "PROPFIND", FOLDER, undefined, { depth: "1" })).body.toString();
  expect(listing.match(/<(?:\w+:)?response[\s>]/g)).toHaveLength(FILES + 1);
  await expect.poll(() => filesBelow(join(dataDir, "spool")), { timeout: 10_000 }).toEqual([]);
  // What the local driver was writing beside its targets went with the listing (docs/drivers/local.md).
  expect(readdirSync(join(dataDir, "files", "durable")).filter((name) => !/^\d+\.bin$/.test(name))).toEqual([]);
}

function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function content(i: number, version: "old" | "new"): Buffer {
  return Buffer.alloc(FILE_BYTES, `${version} content of file ${i}; `);
}

function digest(bytes: Buffer): string {
  return createHash("sha1").update(bytes).digest("hex");
}
