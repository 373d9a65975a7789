/** The mount that a login ends in. */
import { StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions } from "#drivers/contract/mount.ts";
import type { AccountInfo, LoginResult } from "../accounts/api.ts";
import { errorReply } from "../http/errors.ts";
import type { MountWish } from "./account-wire.ts";
import type { ApiDeps } from "./deps.ts";
import { fromText, unmaskSettings } from "./storage-form.ts";

type Deps = Pick<ApiDeps, "vfs" | "catalogue" | "settings" | "log">;

/** Gives the account its mount: the one that it has, else a new one as wished for. What fails there does not undo the login. */
export async function mountFor(
  account: AccountInfo,
  wish: MountWish | undefined,
  deps: Deps,
  o: CallOptions,
): Promise<LoginResult> {
  if (!wish) return { account };
  try {
    const mountPath = await ensureMount(account, wish, deps, o);
    if (wish.use) await deps.settings.set("cli_mount_in_use", mountPath);
    return { account, mountPath };
  } catch (error) {
    o.signal.throwIfAborted();
    const { kind = "internal", message, level } = errorReply(error);
    if (level === "error") deps.log.warn({ err: error, account: account.id }, "a mount could not be made");
    const reason = error instanceof StorageError ? error.reason : undefined;
    return { account, mountError: { kind, message, ...(reason && { reason }) } };
  }
}

async function ensureMount(
  account: AccountInfo,
  wish: MountWish,
  { vfs, catalogue }: Deps,
  o: CallOptions,
): Promise<string> {
  const there = vfs.storages.list().find((storage) => storage.account?.id === account.id && !storage.disabled);
  if (there) return there.mountPath;
  const driver = wish.driver ?? (await firstDriverOf(account.kind, catalogue));
  const definition = await catalogue.driver(driver);
  const settings = definition ? fromText(definition, unmaskSettings(definition, wish.settings)) : wish.settings;
  const { mountPath } = await vfs.storages.add({ mountPath: wish.mountPath, driver, settings, account: account.id }, o);
  return mountPath;
}

async function firstDriverOf(kind: string, catalogue: Deps["catalogue"]): Promise<string> {
  const found = (await catalogue.accountKinds()).find((one) => one.kind === kind)?.drivers[0];
  if (found) return found;
  throw new StorageError("invalid-config", `driver: no driver uses accounts of kind ${kind}`);
}
