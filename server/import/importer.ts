/** Taking over what another server has: the plan of it, and the doing. */
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions } from "#drivers/contract/mount.ts";
import type { Accounts } from "../accounts/api.ts";
import type { Catalogue } from "../accounts/catalogue.ts";
import type { Auth } from "../auth/auth.ts";
import { openSealing } from "../store/sealing.ts";
import type { Settings } from "../store/settings.ts";
import type { Store } from "../store/store.ts";
import type { Storages } from "../vfs/api.ts";
import { type Dump, parseDump } from "./dump.ts";
import { type Imported, openImported } from "./imported.ts";
import { fillKept, sealKept } from "./kept.ts";
import { metaSteps } from "./metas.ts";
import { readAlistFile } from "./read-file.ts";
import { type SettingChanges, settingSteps } from "./settings.ts";
import { shareSteps } from "./shares.ts";
import { type ImportRow, remark, type Step } from "./step.ts";
import { storageSteps } from "./storages.ts";
import { userSteps } from "./users.ts";

export interface ImporterParts {
  readonly store: Pick<Store, "db" | "dataDir">;
  readonly auth: Pick<Auth, "users" | "metas" | "shares" | "sessions">;
  readonly settings: Settings;
  readonly storages: Storages;
  readonly catalogue: Pick<Catalogue, "driver">;
  readonly accounts: Pick<Accounts, "add" | "setRate">;
  readonly clock: Clock;
  readonly log: Log;
  /** Instead of the key file of the data folder. */
  readonly secretKey?: string;
}

export interface RunOptions extends CallOptions {
  /** False: only what would be done is told. */
  readonly apply: boolean;
  /** How the API reads settings of that server. */
  readonly settingChanges: SettingChanges;
}

export interface Importer {
  /** What a file says that comes over the network: a database, a backup, or what `readAlistFile` gave as JSON. Throws `invalid-config`, `too-large`. */
  receive(body: Readable, o: CallOptions): Promise<Dump>;
  /** A row per thing, as it is done. Protections come before what they protect. One that fails is told of and does not keep the others. */
  run(dump: Dump, o: RunOptions): AsyncIterable<ImportRow>;
  /** See `fillKept`. */
  fillKept(id: number, o: CallOptions): Promise<void>;
}

/** Longest file over the network, in bytes: search indexes are in it. */
const MAX_FILE = 1024 * 1024 * 1024;

/** An importer into a data folder. Two imports at a time would both find what neither has made: they run one after the other. */
export function createImporter(parts: ImporterParts): Importer {
  const { store, auth, settings, storages, catalogue, accounts, clock, log } = parts;
  const sealing = openSealing(store.dataDir, parts.secretKey);
  let last: Promise<unknown> = Promise.resolve();

  async function* steps(dump: Dump, imported: Imported, changes: SettingChanges): AsyncGenerator<Step> {
    yield* settingSteps(dump, { settings, imported, changes });
    const adopt = dump.config && ((id: number) => auth.sessions.adopt(id));
    yield* userSteps(dump, { users: auth.users, imported, adoptLogins: adopt });
    yield* metaSteps(dump, auth.metas, imported);
    yield* shareSteps(dump, { shares: auth.shares, users: auth.users, imported });
    const seal = (dumped: Dump["storages"][number]) => sealKept(sealing, dumped);
    yield* storageSteps(dump, { storages, catalogue, accounts, imported, dataDir: store.dataDir, seal });
    for (const [what, count] of Object.entries(dump.others)) {
      yield remark("other", `${what} (${count})`, "skip", "not taken over");
    }
  }

  async function done(step: Step, imported: Imported, signal: AbortSignal): Promise<ImportRow> {
    const { row, mark, apply, names = [row.name] } = step;
    if (!apply) return row;
    try {
      if (mark !== undefined) for (const name of names) await imported.note(row.what, name, mark);
      return { ...row, ...(await apply(signal)) };
    } catch (error) {
      signal.throwIfAborted();
      for (const name of names) await imported.forget(row.what, name);
      if (error instanceof StorageError) return { ...row, outcome: "failed", note: error.message };
      log.warn({ err: error, import: row.what }, "something could not be imported");
      return { ...row, outcome: "failed", note: "internal error (see the log)" };
    }
  }

  return {
    async receive(body, { signal }) {
      const scratch = mkdtempSync(join(store.dataDir, "import-"));
      try {
        const file = join(scratch, "received");
        await pipeline(body, bounded, createWriteStream(file, { mode: 0o600 }), { signal });
        return parseDump(readAlistFile(file, { scratchIn: scratch }));
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    },
    async *run(dump, { apply, settingChanges, signal }) {
      let release = () => {};
      const before = last;
      last = new Promise<void>((resolve) => {
        release = resolve;
      });
      try {
        await before;
        const imported = await openImported(store, clock);
        for await (const step of steps(dump, imported, settingChanges)) {
          signal.throwIfAborted();
          yield apply ? await done(step, imported, signal) : step.row;
        }
      } finally {
        release();
      }
    },
    fillKept: (id, o) => fillKept(id, { storages, catalogue, accounts, sealing }, o),
  };
}

async function* bounded(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > MAX_FILE) throw new StorageError("too-large", `the file has more than ${MAX_FILE} bytes`);
    yield chunk;
  }
}
