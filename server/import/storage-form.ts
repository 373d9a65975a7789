/** AList's form of a storage in our terms (alist-api.md §12.1, §12.2). */
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions } from "#drivers/contract/mount.ts";
import type { Accounts } from "../accounts/api.ts";
import type { DriverDescription } from "../accounts/catalogue.ts";
import type { Freshness, StorageInput } from "../vfs/api.ts";
import type { DumpedStorage } from "./dump.ts";

/** Minutes that AList keeps listings unless it is told otherwise (alist-api.md §12.1). */
const DEFAULT_MINUTES = 30;

/**
 * What is to be mounted. Where the form has a login in it, the service is asked whose it is, and the account behind the storage gets it; where that login is over
 * and there is an account already, that one is used. Throws `invalid-config`, naming the field, and what the service failed with.
 */
export async function readStorage(
  dumped: DumpedStorage,
  definition: DriverDescription,
  accounts: Pick<Accounts, "add" | "setRate">,
  o: CallOptions,
): Promise<StorageInput> {
  const addition = additionOf(dumped);
  const plain = { ...formOf(dumped), driver: definition.id };
  if (!definition.alist) return { ...plain, settings: addition };
  const { settings, credential, ratePerSecond } = await definition.alist.read(addition, o);
  if (credential === undefined || !definition.account) return { ...plain, settings };
  try {
    const { id } = await accounts.add(definition.account.kind, credential, o);
    if (ratePerSecond !== undefined) await accounts.setRate(id, ratePerSecond);
    return { ...plain, settings, account: id };
  } catch (error) {
    if (kindOf(error) !== "unauthenticated") throw error;
    return { ...plain, settings };
  }
}

/** What every driver's form has. */
function formOf(dumped: DumpedStorage): Omit<StorageInput, "driver" | "settings"> {
  const freshness = freshnessOf(dumped);
  return {
    mountPath: dumped.mount_path,
    order: dumped.order,
    remark: dumped.remark,
    delivery: dumped.web_proxy || dumped.webdav_policy === "native_proxy" ? "proxy" : "auto",
    ...(freshness && { freshness }),
  };
}

/** Undefined for what AList has by default: there the driver's own is better. */
function freshnessOf({ cache_expiration, custom_cache_policies }: DumpedStorage): Freshness | undefined {
  const rules = custom_cache_policies.split("\n").flatMap((line) => {
    const [, glob, minutes] = /^\s*(.+?)\s*:\s*(\d{1,7})\s*$/.exec(line) ?? [];
    return glob && minutes ? [{ glob: glob.startsWith("/") ? glob : `/${glob}`, age: Number(minutes) * 60_000 }] : [];
  });
  if (cache_expiration === DEFAULT_MINUTES && rules.length === 0) return undefined;
  return { default: Math.max(0, cache_expiration) * 60_000, ...(rules.length > 0 && { rules }) };
}

function additionOf({ addition }: DumpedStorage): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(addition || "{}");
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // no JSON at all is told as the wrong JSON is
  }
  throw new StorageError("invalid-config", "addition is not the text of a JSON object");
}
