/**
 * Brings a backup back into a data folder. What was there is moved aside, not removed. Whatever moment the process is killed at, the folder is afterwards what it
 * was, or what the backup says: from the moment that the new files lie ready, whoever opens the folder next finishes the moving.
 */
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StorageError } from "#drivers/contract/errors.ts";
import { RESTORE } from "../store/data-folder.ts";
import { migrations } from "../store/migrations/index.ts";
import { type Manifest, sync, unpack } from "./archive.ts";
import { unsealed } from "./seal.ts";

/** Stands before the folders in which the old files are. */
const ASIDE = "before-restore-";

/** What belongs to the database and means nothing to another one. `files` stays: it is what users put there. */
const REPLACED = /^(pandav\.db|tree\.db)(-wal|-shm|-journal)?$|^prepared\.|^(secret\.key|config\.yml|spool)$/;

export interface RestoreOptions {
  readonly file: string;
  readonly passphrase: string;
  /** Milliseconds since the epoch: names the folder of the old files. */
  readonly now: number;
  /** What secrets are sealed with here instead of a key file. */
  readonly secretKey?: string | undefined;
  /** Called before each step that changes something, for tests. */
  readonly onStep?: (step: string) => void;
}

export interface Restored {
  readonly manifest: Manifest;
  /** Where the old files are; absent where there were none. */
  readonly aside?: string;
}

/** Restores into a folder whose lock the caller holds. Throws `invalid-config` on a backup that cannot be used; nothing is changed then. */
export async function restoreBackup(dataDir: string, o: RestoreOptions): Promise<Restored> {
  const { onStep = () => {} } = o;
  finishRestore(dataDir, o.onStep);
  const fresh = join(dataDir, RESTORE.fresh);
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  let manifest: Manifest;
  try {
    onStep("unpack");
    manifest = await unpack(unsealed(read(o.file), o.passphrase), fresh);
    check(fresh, manifest, o.secretKey);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
  // The name of the old files' folder is made up once, and lies with the new ones.
  const aside =
    ASIDE +
    new Date(o.now)
      .toISOString()
      .replace(/\.\d+Z$/, "Z")
      .replaceAll(":", "");
  mkdirSync(join(fresh, aside), { mode: 0o700 });
  sync(fresh, true);
  onStep("ready");
  renameSync(fresh, join(dataDir, RESTORE.ready));
  sync(dataDir, true);
  finishRestore(dataDir, o.onStep);
  const old = join(dataDir, aside);
  return { manifest, ...(existsSync(old) && { aside: old }) };
}

/** Ends a restore that was interrupted. Only for the holder of the folder's lock, before the database is opened. */
export function finishRestore(dataDir: string, onStep: (step: string) => void = () => {}): void {
  rmSync(join(dataDir, RESTORE.fresh), { recursive: true, force: true });
  const ready = join(dataDir, RESTORE.ready);
  const goingIn = join(dataDir, RESTORE.goingIn);
  const step = (name: string, run: () => void) => {
    onStep(name);
    run();
  };
  if (existsSync(ready)) {
    const aside = readdirSync(ready).find((name) => name.startsWith(ASIDE)) ?? ASIDE;
    const old = join(ready, aside);
    mkdirSync(old, { recursive: true });
    for (const name of readdirSync(dataDir).filter((one) => REPLACED.test(one))) {
      step(`aside ${name}`, () => renameSync(join(dataDir, name), join(old, name)));
    }
    sync(old, true);
    sync(dataDir, true);
    // From here on what has such a name in the data folder is new.
    step("turn", () => renameSync(ready, goingIn));
    sync(dataDir, true);
  }
  if (!existsSync(goingIn)) return;
  for (const name of readdirSync(goingIn)) {
    const from = join(goingIn, name);
    if (name.startsWith(ASIDE) && readdirSync(from).length === 0) rmSync(from, { recursive: true });
    else step(`in ${name}`, () => renameSync(from, join(dataDir, name)));
  }
  sync(dataDir, true);
  step("done", () => rmSync(goingIn, { recursive: true }));
  sync(dataDir, true);
}

function check(folder: string, { files, version, migrations: applied }: Manifest, secretKey: string | undefined): void {
  const refuse = (why: string) => new StorageError("invalid-config", why);
  if (!files.some(({ name }) => name === "pandav.db")) throw refuse("the backup is damaged: it has no database");
  const newer = applied.find((name) => !Object.hasOwn(migrations, name));
  if (newer) {
    throw refuse(
      `the backup was made by a newer version of Pandav (${version}, which knows "${newer}"): restore it with that version`,
    );
  }
  const db = new DatabaseSync(join(folder, "pandav.db"), { readOnly: true });
  try {
    const { integrity_check: found } = db.prepare("pragma integrity_check(1)").get() ?? {};
    if (found !== "ok") throw refuse(`the backup is damaged: ${String(found)}`);
  } finally {
    db.close();
  }
  if (secretKey === undefined || !files.some(({ name }) => name === "secret.key")) return;
  if (readFileSync(join(folder, "secret.key"), "utf8").trim().toLowerCase() !== secretKey.toLowerCase()) {
    throw refuse(
      "PANDAV_SECRET_KEY is not the key that the backup's secrets are sealed with: unset it, the backup brings its own",
    );
  }
}

async function* read(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file) as AsyncIterable<Buffer>;
  } catch (error) {
    throw new StorageError("invalid-config", `${file} cannot be read (${(error as Error).message})`, { cause: error });
  }
}
