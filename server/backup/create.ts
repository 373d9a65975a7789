/** Makes a backup of a data folder while the server runs. */
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import type { Clock } from "#drivers/contract/driver.ts";
import type { Store } from "../store/store.ts";
import { BACKED_UP, pack } from "./archive.ts";
import { checkPassphrase, sealed } from "./seal.ts";

/** Stands before the folders in which backups are prepared (`sweepScratch` knows it). */
const SCRATCH = "backup-";

/** All pages in one read of the database, on a thread of its own: smaller steps would begin anew with every write. */
const ALL_PAGES = 2_147_483_647;

export interface BackupParts {
  readonly store: Pick<Store, "dataDir">;
  readonly clock: Clock;
  readonly version: string;
  /** Instead of the key file: it goes into the backup as one. */
  readonly secretKey?: string | undefined;
}

/** The bytes of a backup file, as one moment of the database. Throws `invalid-config` on a passphrase that is too short. */
export async function* createBackup(parts: BackupParts, passphrase: string): AsyncGenerator<Buffer, void, undefined> {
  checkPassphrase(passphrase);
  const { dataDir } = parts.store;
  const scratch = mkdtempSync(join(dataDir, SCRATCH));
  try {
    const migrations = await copyDatabase(join(dataDir, "pandav.db"), join(scratch, "pandav.db"));
    const key = join(dataDir, "secret.key");
    if (parts.secretKey !== undefined)
      writeFileSync(join(scratch, "secret.key"), `${parts.secretKey}\n`, { mode: 0o600 });
    else if (existsSync(key)) copyFileSync(key, join(scratch, "secret.key"));
    const config = join(dataDir, "config.yml");
    if (existsSync(config)) copyFileSync(config, join(scratch, "config.yml"));
    const names = BACKED_UP.filter((name) => existsSync(join(scratch, name)));
    const about = { version: parts.version, createdAt: parts.clock.now(), migrations };
    yield* sealed(pack(scratch, names, about), passphrase);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Gives the migrations that it has been through. */
async function copyDatabase(from: string, to: string): Promise<string[]> {
  // A connection of its own: the server's may be within a transaction.
  const source = new DatabaseSync(from, { readOnly: true });
  try {
    await backup(source, to, { rate: ALL_PAGES });
  } finally {
    source.close();
  }
  const copy = new DatabaseSync(to);
  try {
    // In one file, whatever mode the original is in.
    copy.exec("pragma journal_mode = delete");
    return copy
      .prepare("select name from kysely_migration order by name")
      .all()
      .map(({ name }) => String(name));
  } finally {
    copy.close();
  }
}
