/** A file of another server, whatever it is, as a dump. */
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { StorageError } from "#drivers/contract/errors.ts";
import { notOne } from "./dump.ts";
import { readDatabase, SQLITE_MAGIC } from "./read-database.ts";

/** Longest backup or config file, in bytes. */
const MAX_JSON = 64 * 1024 * 1024;

/** The server's own configuration, which lies beside its database (alist-api.md §20). */
const CONFIG = "config.json";

/**
 * What `parseDump` reads, of a database or a backup, with what is needed of the configuration `config`: default the one beside the database, where there is one.
 * Nothing of the source is changed; `scratchIn` is where a copy may lie for the time of the call. Throws `invalid-config`.
 */
export function readAlistFile(
  file: string,
  { config, scratchIn }: { readonly config?: string | undefined; readonly scratchIn: string },
): Readonly<Record<string, unknown>> {
  const content = isDatabase(file) ? inScratch(scratchIn, (scratch) => readDatabase(file, scratch)) : readJson(file);
  const beside = join(dirname(file), CONFIG);
  const from = config ?? (isFile(beside) ? beside : undefined);
  return { ...content, ...(from !== undefined && { config: wantedOf(readJson(from), from) }) };
}

/** The rest of it (passwords of databases, keys of object stores) is none of our business. */
function wantedOf({ jwt_secret, site_url, token_expires_in }: Readonly<Record<string, unknown>>, file: string) {
  if (typeof jwt_secret === "string") return { jwt_secret, site_url, token_expires_in };
  throw new StorageError("invalid-config", `${file} is no configuration of AList or OpenList: it has no jwt_secret`);
}

function inScratch<T>(parent: string, use: (scratch: string) => T): T {
  const scratch = mkdtempSync(join(parent, "pandav-import-"));
  try {
    return use(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function isDatabase(file: string): boolean {
  const descriptor = explained(file, () => openSync(file, "r"));
  try {
    const head = Buffer.alloc(SQLITE_MAGIC.length);
    explained(file, () => readSync(descriptor, head, 0, head.length, 0));
    return head.toString("latin1") === SQLITE_MAGIC;
  } finally {
    closeSync(descriptor);
  }
}

function readJson(file: string): Readonly<Record<string, unknown>> {
  const { size } = explained(file, () => statSync(file));
  if (size > MAX_JSON) throw notOne(`it has more than ${MAX_JSON} bytes`);
  const text = explained(file, () => readFileSync(file, "utf8"));
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw notOne(`${file} is neither an SQLite file nor JSON`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw notOne("its JSON is no object");
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function explained<T>(file: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new StorageError("invalid-config", `${file} cannot be read (${message})`, { cause: error });
  }
}
