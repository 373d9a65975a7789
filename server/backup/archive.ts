/** The inside of a backup file: one line that says what is in it, and the files one after the other, compressed (docs/backup.md §2). */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, createWriteStream, fsyncSync, openSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { z } from "zod";
import { StorageError } from "#drivers/contract/errors.ts";

/** What a backup may hold, by the names in the data folder. */
export const BACKED_UP = ["pandav.db", "secret.key", "config.yml"] as const;

/** Longest first line, in bytes. */
const MAX_MANIFEST = 64 * 1024;

const manifest = z.object({
  format: z.literal(1),
  /** Of Pandav. */
  version: z.string(),
  /** Milliseconds since the epoch. */
  createdAt: z.number(),
  /** The migrations that the database has been through. */
  migrations: z.array(z.string()),
  files: z.array(
    z.object({ name: z.enum(BACKED_UP), size: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  ),
});
export type Manifest = z.output<typeof manifest>;

/** The content of a backup of files that lie in `folder`, and do not change meanwhile. */
export async function* pack(
  folder: string,
  names: readonly (typeof BACKED_UP)[number][],
  about: Pick<Manifest, "version" | "createdAt" | "migrations">,
): AsyncGenerator<Buffer, void, undefined> {
  const files: Manifest["files"] = [];
  for (const name of names) {
    const file = join(folder, name);
    files.push({ name, size: (await stat(file)).size, sha256: await digestOf(createReadStream(file)) });
  }
  async function* plain(): AsyncGenerator<Buffer> {
    yield Buffer.from(`${JSON.stringify({ format: 1, ...about, files } satisfies Manifest)}\n`);
    for (const { name } of files) yield* createReadStream(join(folder, name)) as AsyncIterable<Buffer>;
  }
  const gzip = createGzip();
  const fed = pipeline(plain(), gzip);
  fed.catch(() => {}); // the reader sees it
  yield* gzip as AsyncIterable<Buffer>;
  await fed;
}

/**
 * Reads a backup's content to its end, and checks it; with `folder` its files are laid there, and on the disk when it resolves.
 * Throws `invalid-config` on what is damaged, and where a newer version made it.
 */
export async function unpack(content: AsyncIterable<Buffer>, folder?: string): Promise<Manifest> {
  const gunzip = createGunzip();
  const fed = pipeline(content, gunzip);
  fed.catch(() => {}); // the reader sees it
  const source = new Reader(gunzip as AsyncIterable<Buffer>);
  try {
    const found = readManifest(await source.line(MAX_MANIFEST));
    for (const { name, size, sha256 } of found.files) {
      const hash = createHash("sha256");
      async function* bytes(): AsyncGenerator<Buffer> {
        for await (const chunk of source.take(size)) {
          hash.update(chunk);
          yield chunk;
        }
      }
      if (folder === undefined) for await (const _ of bytes());
      else {
        const file = join(folder, name);
        await pipeline(bytes(), createWriteStream(file, { mode: 0o600, flags: "wx" }));
        sync(file);
      }
      if (hash.digest("hex") !== sha256) throw damaged(`${name} is not what was put in`);
    }
    if (await source.hasMore()) throw damaged("there is more in it than it says");
    await fed;
    return found;
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith("Z_")) throw damaged("it cannot be unpacked");
    throw error;
  } finally {
    gunzip.destroy();
    await fed.catch(() => {});
  }
}

/** Makes a file, or the names in a folder, durable. Windows opens no folders and needs none of this. */
export function sync(path: string, isFolder = false): void {
  if (isFolder && process.platform === "win32") return;
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readManifest(line: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw damaged("its first line cannot be read");
  }
  const parsed = manifest.safeParse(json);
  if (parsed.success) return parsed.data;
  const { version } = json as { version?: unknown };
  throw new StorageError(
    "invalid-config",
    `the backup is of a form that this version does not know (made by ${String(version)})`,
  );
}

/** Pieces of any size, read by lines and by bytes. */
class Reader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async line(most: number): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.toString("utf8", 0, end);
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      if (this.#rest.length > most || !(await this.#fill())) throw damaged("its first line has no end");
    }
  }

  async *take(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      if (this.#rest.length === 0 && !(await this.#fill())) throw damaged("its end is missing");
      const chunk = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(chunk.length);
      left -= chunk.length;
      yield chunk;
    }
  }

  async hasMore(): Promise<boolean> {
    return this.#rest.length > 0 || this.#fill();
  }

  async #fill(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done) return false;
    this.#rest = Buffer.concat([this.#rest, value]);
    return true;
  }
}

async function digestOf(bytes: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest("hex");
}

function damaged(why: string): StorageError {
  return new StorageError("invalid-config", `the backup is damaged: ${why}`);
}
