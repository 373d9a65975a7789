/** What the API is given beside users, storages and tasks, over a test's store. */
import type { Catalogue } from "#server/accounts/catalogue.ts";
import type { ApiDeps } from "#server/api/deps.ts";
import type { Auth } from "#server/auth/auth.ts";
import { openBackups } from "#server/backup/backups.ts";
import { createImporter } from "#server/import/importer.ts";
import { openNotices } from "#server/notify/notices.ts";
import { parseNetworks } from "#server/store/networks.ts";
import { openSealing } from "#server/store/sealing.ts";
import type { Settings } from "#server/store/settings.ts";
import { systemClock } from "#server/upstream/clock.ts";
import { createUrlGuard } from "#server/upstream/url-guard.ts";
import { silentLog, type TestVfs } from "./vfs.ts";

/** The services; nothing of them runs by itself. */
export async function testServices(
  { store, dataDir, vfs, accounts }: Pick<TestVfs, "store" | "dataDir" | "vfs" | "accounts">,
  o: { readonly auth: Auth; readonly settings: Settings; readonly catalogue: Catalogue },
): Promise<Pick<ApiDeps, "importer" | "notices" | "backups">> {
  const importer = createImporter({
    ...o,
    store,
    storages: vfs.storages,
    accounts,
    clock: systemClock,
    log: silentLog,
  });
  const notices = await openNotices({
    store,
    settings: o.settings,
    sealing: openSealing(dataDir),
    guard: createUrlGuard({ allowed: () => parseNetworks("127.0.0.0/8") }),
    clock: systemClock,
    log: silentLog,
  });
  const backups = openBackups({
    store,
    settings: o.settings,
    notifier: notices,
    clock: systemClock,
    log: silentLog,
    version: "1.2.3",
  });
  return { importer, notices, backups };
}
