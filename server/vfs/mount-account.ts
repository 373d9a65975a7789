/** What a storage must know of accounts: which one its driver needs, and that no call is worth making while its login is over. */
import type { AnyDriver } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import type { AccountsForMounts, MountAccount } from "../accounts/api.ts";
import { around } from "../layers/layer.ts";

/**
 * The id of the account that a storage is to use, or null for none: the one named, else the only one of the kind where the driver always needs one.
 * Throws `invalid-config` that names the field and the remedy.
 */
export function chooseAccount(
  { id: driver, account }: AnyDriver,
  wanted: number | undefined,
  accounts: AccountsForMounts | undefined,
): number | null {
  const refuse = (why: string) => new StorageError("invalid-config", `account: ${why}`);
  if (!account || account.needed === "never") {
    if (wanted === undefined) return null;
    throw refuse(`driver ${driver} uses none: leave it out`);
  }
  const { kind } = account;
  const logIn = `log in with "pandav auth --kind ${kind}"`;
  const all = (accounts?.list() ?? []).filter((one) => one.kind === kind);
  if (wanted === undefined) {
    if (account.needed !== "always") return null;
    const [only, ...others] = all;
    if (only && others.length === 0) return only.id;
    if (!only) throw refuse(`driver ${driver} needs an account of kind ${kind}: ${logIn}`);
    throw refuse(
      `driver ${driver} needs one of ${all.map(({ id, name }) => `${id} (${name})`).join(", ")}: name its id`,
    );
  }
  const found = accounts?.get(wanted);
  if (!found) throw refuse(`there is no account ${wanted}: ${logIn}`);
  if (found.kind !== kind)
    throw refuse(`account ${wanted} is of kind ${found.kind}, and driver ${driver} needs ${kind}`);
  return wanted;
}

/** `mount`, whose calls fail at once while only a person can help its account: the service must not be asked again and again in vain. */
export function demandingLogin(mount: Mount, account: MountAccount): Mount {
  return around(mount, {
    async call(_call, next) {
      account.demandLogin();
      return next();
    },
    async *list(_directory, _o, next) {
      account.demandLogin();
      yield* next();
    },
    trash: {
      async call(_call, next) {
        account.demandLogin();
        return next();
      },
      async *list(_o, next) {
        account.demandLogin();
        yield* next();
      },
    },
  });
}
