/** Storages that were kept as they came, until they can be mounted. */
import { StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions } from "#drivers/contract/mount.ts";
import type { Accounts } from "../accounts/api.ts";
import type { Catalogue } from "../accounts/catalogue.ts";
import type { Sealing } from "../store/sealing.ts";
import type { Storages } from "../vfs/api.ts";
import { type DumpedStorage, parseStorage } from "./dump.ts";
import { readStorage } from "./storage-form.ts";

const PURPOSE = "pandav kept storage";

/** What is written into the row. */
export function sealKept(sealing: Sealing, dumped: DumpedStorage): string {
  return sealing.seal(JSON.stringify(dumped), PURPOSE);
}

/**
 * Gives a kept storage its settings, and its account the login that came with it, so that it can be enabled. Without effect on any other.
 * Throws `invalid-config` while its driver is not here, and what its form or its service refuses.
 */
export async function fillKept(
  id: number,
  parts: {
    readonly storages: Storages;
    readonly catalogue: Pick<Catalogue, "driver">;
    readonly accounts: Pick<Accounts, "add" | "setRate">;
    readonly sealing: Sealing;
  },
  o: CallOptions,
): Promise<void> {
  const info = parts.storages.get(id);
  const sealed = info?.isKept && parts.storages.kept(id);
  if (!info || !sealed) return;
  const definition = await parts.catalogue.driver(info.driver);
  if (!definition) {
    throw new StorageError(
      "invalid-config",
      `there is no driver "${info.driver}" here yet: the storage stays as it was imported`,
    );
  }
  const text = parts.sealing.open(
    sealed,
    PURPOSE,
    (why, cause) =>
      new StorageError("invalid-config", `what was kept of ${info.mountPath} cannot be read: ${why}`, { cause }),
  );
  const input = await readStorage(parseStorage(JSON.parse(text)), definition, parts.accounts, o);
  // Somebody may have changed these meanwhile.
  await parts.storages.fill(id, { ...input, mountPath: info.mountPath, remark: info.remark, order: info.order });
}
