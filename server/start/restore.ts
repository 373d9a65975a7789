/** `pandav restore`: a backup into a data folder that no process has. */

import { StorageError } from "#drivers/contract/errors.ts";
import { restoreBackup } from "../backup/restore.ts";
import type { RestoreResult } from "../cli/definer.ts";
import type { Config } from "../config.ts";
import { FolderInUse, lockFolder } from "../store/lock.ts";

/** Throws `locked` while a process has the folder; `invalid-config` on a backup that cannot be used, and nothing is changed then. */
export async function restore(
  { dataDir, secretKey }: Pick<Config, "dataDir" | "secretKey">,
  file: string,
  passphrase: string,
): Promise<RestoreResult> {
  const lock = takeLock(dataDir);
  try {
    const { manifest, aside } = await restoreBackup(dataDir, { file, passphrase, now: Date.now(), secretKey });
    const { version, createdAt } = manifest;
    return { version, createdAt, dataDir, ...(aside !== undefined && { aside }) };
  } finally {
    lock.release();
  }
}

function takeLock(dataDir: string) {
  try {
    return lockFolder(dataDir);
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error;
    throw new StorageError("locked", `${error.message}: stop that one first, or name another folder with --data`);
  }
}
