/** What the API is given beside users, storages and tasks, over a test's store. */
import type { Catalogue } from "#server/accounts/catalogue.ts";
import type { ApiDeps } from "#server/api/deps.ts";
import type { Auth } from "#server/auth/auth.ts";
import { createImporter } from "#server/import/importer.ts";
import type { Settings } from "#server/store/settings.ts";
import { systemClock } from "#server/upstream/clock.ts";
import { silentLog, type TestVfs } from "./vfs.ts";

/** The services; nothing of them runs by itself. */
export function testServices(
  { store, vfs, accounts }: Pick<TestVfs, "store" | "vfs" | "accounts">,
  o: { readonly auth: Auth; readonly settings: Settings; readonly catalogue: Catalogue },
): Pick<ApiDeps, "importer"> {
  const importer = createImporter({
    ...o,
    store,
    storages: vfs.storages,
    accounts,
    clock: systemClock,
    log: silentLog,
  });
  return { importer };
}
