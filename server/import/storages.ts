/** Storages, disabled ones and those of drivers that are not here among them. */
import { readdirSync } from "node:fs";
import { StorageError } from "#drivers/contract/errors.ts";
import { parsePath } from "#drivers/contract/path.ts";
import type { Accounts } from "../accounts/api.ts";
import type { Catalogue, DriverDescription } from "../accounts/catalogue.ts";
import { filesFolder } from "../store/data-folder.ts";
import type { StorageInfo, Storages } from "../vfs/api.ts";
import type { Dump, DumpedStorage } from "./dump.ts";
import type { Imported } from "./imported.ts";
import { notes, remark, type Step } from "./step.ts";
import { readStorage } from "./storage-form.ts";

export interface StorageParts {
  readonly storages: Storages;
  readonly catalogue: Pick<Catalogue, "driver">;
  readonly accounts: Pick<Accounts, "add" | "setRate">;
  readonly imported: Imported;
  readonly dataDir: string;
  /** Seals what is kept of a storage. */
  seal(dumped: DumpedStorage): string;
}

/** Longest that a service may take to say whose login it is, and a storage to open, in milliseconds. */
const ASK_WITHIN_MS = 15_000;

/** One step per storage, in their order. */
export async function* storageSteps({ storages }: Pick<Dump, "storages">, parts: StorageParts): AsyncGenerator<Step> {
  for (const dumped of [...storages].sort((a, b) => a.order - b.order)) {
    try {
      yield await storageStep(dumped, parts);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      yield remark("storage", dumped.mount_path, "skip", error.message);
    }
  }
}

async function storageStep(dumped: DumpedStorage, parts: StorageParts): Promise<Step> {
  const path = parsePath(dumped.mount_path);
  const { storages, imported, catalogue } = parts;
  const there = storages.list().find(({ mountPath }) => mountPath === path);
  const mark = `${path} ${dumped.driver}`;
  if (there && imported.has("storage", path, mark)) return remark("storage", path, "same");
  const replaced = there && isUntouched(there, parts.dataDir) ? there : undefined;
  if (there && !replaced) {
    const remedy = `remove that one ("pandav storage remove ${path}"), or mount it elsewhere, and import again`;
    return remark("storage", path, "conflict", `the mount path is taken by a storage (${there.driver}): ${remedy}`);
  }
  const definition = await catalogue.driver(dumped.driver);
  const place = definition && waits(dumped, definition) === undefined ? "add" : "keep";
  return {
    mark,
    row: {
      what: "storage",
      name: path,
      outcome: place,
      ...notes(
        dumped.driver,
        replaced && "in the place of the empty folder of the first start, which stays on the disk",
        dumped.disabled && "disabled, as there",
        !definition && "there is no such driver here: kept with its settings, not mounted",
        definition && waits(dumped, definition),
        lostOf(dumped),
      ),
    },
    async apply(signal) {
      if (replaced) await storages.remove(replaced.id);
      return definition && place === "add" ? mount(dumped, definition, parts, signal) : keep(dumped, parts);
    },
  };
}

/** Why a storage whose driver is here is not made at once. */
function waits({ disabled }: DumpedStorage, { account }: DriverDescription): string | undefined {
  const asks = account !== undefined && account.needed !== "never";
  return disabled && asks ? "its login is asked about when it is enabled" : undefined;
}

async function mount(
  dumped: DumpedStorage,
  definition: DriverDescription,
  parts: StorageParts,
  signal: AbortSignal,
): ReturnType<NonNullable<Step["apply"]>> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(ASK_WITHIN_MS)]);
  try {
    const input = await readStorage(dumped, definition, parts.accounts, { signal: within });
    await parts.storages.place({ ...input, disabled: dumped.disabled });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    await keep(dumped, parts);
    const why = within.aborted ? "its service does not answer" : messageOf(error);
    return { outcome: "keep", note: `${dumped.driver}; kept, not mounted: ${why}` };
  }
}

async function keep(dumped: DumpedStorage, { storages, seal }: StorageParts): Promise<undefined> {
  const { mount_path, driver, order, remark: text } = dumped;
  const plain = { mountPath: mount_path, driver, order, remark: text, settings: {} };
  await storages.place({ ...plain, disabled: true, kept: seal(dumped) });
  return undefined;
}

/** What the first start mounts, while nobody has put anything into it. */
function isUntouched({ driver, settings }: StorageInfo, dataDir: string): boolean {
  const root = filesFolder(dataDir);
  if (driver !== "local" || settings.root !== root) return false;
  try {
    return readdirSync(root).length === 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function lostOf({ mount_path, down_proxy_url, disable_index, remark: text }: DumpedStorage): string | false {
  const lost = [
    /\.balance\d*$/.test(mount_path) && "spreading load over several storages (it is mounted under its own path)",
    down_proxy_url !== "" && "the proxy that downloads go through",
    disable_index && "its absence from the search index",
    /^ref:/.test(text) && "the login of another storage (ref:)",
  ].filter(Boolean);
  return lost.length > 0 && `not taken: ${lost.join(", ")}`;
}

function messageOf(error: unknown): string {
  return error instanceof StorageError ? error.message : "internal error (see the log)";
}
