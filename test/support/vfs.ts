/** A real vfs over given drivers in a temporary data folder: what tests of the vfs and the fronts stand on. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AnyAccount } from "#drivers/contract/account.ts";
import type { AnyDriver, Clock, Log } from "#drivers/contract/driver.ts";
import { type AccountsOptions, openAccounts } from "#server/accounts/accounts.ts";
import type { Accounts, Logins } from "#server/accounts/api.ts";
import type { Recorder } from "#server/layers/observe.ts";
import { openStore, type Store } from "#server/store/store.ts";
import { systemClock } from "#server/upstream/clock.ts";
import type { StorageInfo, StorageInput, Vfs } from "#server/vfs/api.ts";
import { createOpenMount } from "#server/vfs/open-mount.ts";
import { openNameIndex } from "#server/vfs/search/name-index.ts";
import { openTree } from "#server/vfs/tree/open.ts";
import { createVfs, type VfsParts } from "#server/vfs/vfs.ts";

export interface TestVfs {
  readonly vfs: Vfs;
  readonly store: Store;
  readonly dataDir: string;
  readonly accounts: Accounts;
  readonly logins: Logins;
  /** Adds a storage and gives what it is. */
  mount(input: StorageInput): Promise<StorageInfo>;
  /** Closes and opens everything again on the same data folder, as a restart does. */
  restart(): Promise<TestVfs>;
  /** Closes everything and removes the data folder. */
  dispose(): Promise<void>;
}

export interface TestVfsOptions extends Partial<Pick<VfsParts, "spoolQuota" | "maxSyncBytes" | "isIgnored">> {
  readonly drivers: readonly AnyDriver[];
  readonly dataDir?: string;
  readonly clock?: Clock;
  readonly recorder?: Recorder;
  /** Kinds of accounts; default: none. */
  readonly accountKinds?: readonly AnyAccount[];
  readonly secretKey?: string;
  readonly notifier?: AccountsOptions["notifier"];
  /** Default: silent. */
  readonly log?: Log;
  /** Whether names are indexed, asked again and again; default: there is no index. */
  readonly isSearched?: () => boolean;
}

export const silentLog: Log = { debug() {}, info() {}, warn() {} };
const silentRecorder: Recorder = { begun() {}, ended() {} };

/** A signal that never aborts, and an options bag with it. */
export const forever = { signal: new AbortController().signal };

export async function openTestVfs(options: TestVfsOptions): Promise<TestVfs> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "pandav-vfs-")));
  const clock = options.clock ?? systemClock;
  const store = await openStore(dataDir);
  const log = options.log ?? silentLog;
  const kinds = options.accountKinds ?? [];
  const { accounts, logins } = await openAccounts({
    store,
    kinds: {
      kinds: () => kinds.map(({ kind }) => kind),
      find: async (name) => kinds.find(({ kind }) => kind === name),
    },
    clock,
    log,
    ...(options.secretKey && { secretKey: options.secretKey }),
    ...(options.notifier && { notifier: options.notifier }),
  });
  const tree = await openTree({ store, clock, log });
  const { isSearched } = options;
  const nameIndex = isSearched && openNameIndex({ tree, dataDir, isWanted: isSearched, log });
  const vfs = await createVfs({
    ...options,
    ...(nameIndex && { nameIndex }),
    store,
    tree,
    drivers: {
      ids: () => options.drivers.map((driver) => driver.id),
      find: async (name) => options.drivers.find((driver) => driver.id === name || driver.aliases.includes(name)),
    },
    accounts,
    openMount: createOpenMount({ store, clock, log, accounts, recorder: options.recorder ?? silentRecorder }),
    clock,
    log,
  });
  const close = async () => {
    await logins.close();
    await vfs.close(AbortSignal.timeout(10_000));
    await accounts.close();
    await store.close();
  };
  return {
    vfs,
    store,
    dataDir,
    accounts,
    logins,
    mount: (input) => vfs.storages.add(input, forever),
    async restart() {
      await close();
      return openTestVfs({ ...options, dataDir });
    },
    async dispose() {
      await close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
