/** What the text `addition` of a storage says: in the driver's own settings, or in AList's form of it, whose secrets go into the account behind (architecture.md §4). */
import type { CallOptions } from "#drivers/contract/mount.ts";
import type { Accounts } from "../accounts/api.ts";
import type { DriverDescription } from "../accounts/catalogue.ts";
import type { StorageInfo } from "../vfs/api.ts";
import { fromText, isAlistForm, isMasked, parseAddition, unmaskSettings } from "./storage-form.ts";

interface Addition {
  readonly settings: Readonly<Record<string, unknown>>;
  /** The account that the storage is to have; empty: as the vfs chooses, or the one that it has. */
  readonly account: { readonly account?: number };
}

/**
 * Reads it. `old` is what a mask stands for, and what keeps the settings that AList's form does not know.
 * Throws `invalid-config`, naming the field, and what the service failed with when it was asked whose credential it is.
 */
export async function readAddition(
  accounts: Pick<Accounts, "add" | "setRate">,
  definition: DriverDescription | undefined,
  text: string,
  o: CallOptions,
  old?: StorageInfo,
): Promise<Addition> {
  const addition = parseAddition(text);
  if (!definition) return { settings: addition, account: {} };
  if (!definition.alist || !isAlistForm(definition, addition)) {
    return { settings: fromText(definition, unmaskSettings(definition, addition, old?.settings)), account: {} };
  }
  // Its form cannot be read without the secret, which stays where it is.
  if (old && isMasked(definition, addition)) return { settings: old.settings, account: {} };
  const { settings, credential, ratePerSecond } = await definition.alist.read(fromText(definition.alist, addition), o);
  const known = { ...old?.settings, ...settings };
  if (credential === undefined || !definition.account) return { settings: known, account: {} };
  const { id } = await accounts.add(definition.account.kind, credential, o);
  if (ratePerSecond !== undefined) await accounts.setRate(id, ratePerSecond);
  return { settings: known, account: { account: id } };
}
