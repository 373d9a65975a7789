/** Opens the filesystem that the fronts see: makes its parts, joins them, and ends them. The only caller of mounts. */
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { AccountsForMounts } from "../accounts/api.ts";
import type { DriverSource } from "../accounts/catalogue.ts";
import type { Store } from "../store/store.ts";
import type { Vfs } from "./api.ts";
import { Browsing } from "./browsing.ts";
import { Changing } from "./changing.ts";
import { Checkpoints } from "./checkpoints.ts";
import { CopyingFile } from "./copying-file.ts";
import { JoinedVfs } from "./joined-vfs.ts";
import { Listings } from "./listings.ts";
import { Locks } from "./locks/locks.ts";
import { Lookup } from "./lookup.ts";
import { MountTable } from "./mount-table.ts";
import type { OpenMount } from "./mounting.ts";
import { PendingChanging } from "./pending/changing.ts";
import { Pending } from "./pending/pending.ts";
import { PendingUploading, pendingUploads } from "./pending/uploading.ts";
import { Placeholders } from "./placeholders/placeholders.ts";
import { Settling } from "./placeholders/settling.ts";
import { openPrepared } from "./prepared.ts";
import { MoveJournal } from "./properties/move-journal.ts";
import { Properties } from "./properties/properties.ts";
import { RememberedNodes } from "./properties/remembered-nodes.ts";
import { Reading } from "./reading.ts";
import { Removing } from "./removing.ts";
import { createCrawling } from "./search/crawling.ts";
import type { NameIndex } from "./search/name-index.ts";
import { Searching } from "./search/searching.ts";
import { Sending } from "./sending.ts";
import { Spool } from "./spool.ts";
import { StorageAdministration } from "./storages.ts";
import { Storing } from "./storing.ts";
import { Transferring } from "./transferring.ts";
import { Trashing } from "./trashing.ts";
import type { Tree } from "./tree/tree.ts";
import { Uploads } from "./uploads.ts";
import { UsageCache } from "./usage-cache.ts";
import { Writing } from "./writing.ts";

/** How often uploads that nobody went on with are given up, in milliseconds; first that long after the start. */
const SWEEP_INTERVAL_MS = 3600_000;

/** How often watches that are out of use are let go, in milliseconds. */
const PURGE_INTERVAL_MS = 15_000;

export interface VfsParts {
  readonly store: Store;
  /** Closed with the vfs. */
  readonly tree: Tree;
  readonly drivers: DriverSource;
  readonly openMount: OpenMount;
  /** Absent: no storage has an account. */
  readonly accounts?: AccountsForMounts;
  readonly clock: Clock;
  readonly log: Log;
  /** True for hosts of services that only this server reaches: clients are not sent there. */
  readonly isRerouted?: (host: string) => boolean;
  /** Bytes that bodies may take on our own disk; default half of what is free. */
  readonly spoolQuota?: number;
  /** Bytes that a COPY or MOVE may pass through this server while the client waits; default 1 GiB. */
  readonly maxSyncBytes?: number;
  /** Closed with the vfs. Absent: nothing is found by name. */
  readonly nameIndex?: NameIndex;
  /** True for paths that are kept out of every search. */
  readonly isIgnored?: (path: string) => boolean;
}

/** Opens the filesystem of a data folder: every enabled storage is mounted, and opens by itself in the background. */
export async function createVfs(parts: VfsParts): Promise<Vfs> {
  const { store, tree, clock, log } = parts;
  const table = new MountTable();
  const listings = new Listings(clock, log);
  const lookup = new Lookup(table, listings);
  const spool = await Spool.open(store.dataDir, parts.spoolQuota, await Pending.kept(store));
  const pending = await Pending.load({ store, table, lookup, spool, clock, log });
  const remembered = await RememberedNodes.load(parts);
  const moves = new MoveJournal({ store, remembered });
  const storages = new StorageAdministration({ ...parts, table, remembered, moves, pending });
  const browsing = new Browsing({ table, lookup, listings, storages });
  const uploads = new Uploads();
  const usage = new UsageCache(clock, log);
  const reading = new Reading(lookup, listings, pending, parts.isRerouted);
  const checkpoints = new Checkpoints(parts);
  const locks = await Locks.open({
    ...parts,
    table,
    lookup,
    createEmpty: (path, o) =>
      writing.write(path, { stream: Readable.from([]), size: 0 }, { ...o, conflict: "fail", mayBeKept: "likely" }),
  });
  const placeholders = new Placeholders(lookup, clock);
  const properties = new Properties({ remembered, lookup, locks, placeholders, pending });
  const sending = new Sending({ lookup, listings, spool, checkpoints });
  const storing = new Storing(listings);
  const pendingChanging = new PendingChanging({ pending, checkpoints, lookup });
  const uploading = new PendingUploading({
    pending,
    changing: pendingChanging,
    sending,
    storing,
    checkpoints,
    locks,
    usage,
    properties,
  });
  const writing = new Writing({
    lookup,
    uploads,
    spool,
    sending,
    storing,
    pending,
    uploading,
    clock,
    usage,
    locks,
    properties,
    placeholders,
  });
  const changing = new Changing({ table, lookup, listings, uploads, usage, locks, properties, moves });
  const removing = new Removing({
    changing,
    lookup,
    listings,
    uploads,
    usage,
    locks,
    properties,
    pending: pendingChanging,
  });
  const trashing = new Trashing({ table, lookup, listings, usage, locks });
  const transferring = new Transferring({
    lookup,
    listings,
    copyingFile: new CopyingFile({ lookup, reading, writing, properties }),
    changing,
    removing,
    locks,
    properties,
    placeholders,
    pending: pendingChanging,
    ...(parts.maxSyncBytes !== undefined && { maxSyncBytes: parts.maxSyncBytes }),
  });
  const searching = new Searching({
    table,
    lookup,
    index: parts.nameIndex,
    ...(parts.isIgnored && { isIgnored: parts.isIgnored }),
  });
  await storages.start();
  const settling = new Settling({ table, writing, clock, log });
  const prepared = openPrepared(join(store.dataDir, "prepared"), await store.takeBlock("start", 1), log);
  const purge = setInterval(() => {
    for (const storage of table.all()) storage.watching.purgeStale();
  }, PURGE_INTERVAL_MS);
  purge.unref();
  const sweep = setInterval(() => {
    void checkpoints.sweep((id) => table.get(id));
    void remembered.sweep();
  }, SWEEP_INTERVAL_MS);
  sweep.unref();
  return new JoinedVfs(
    {
      table,
      storages,
      browsing,
      uploads,
      usage,
      properties,
      reading,
      writing,
      changing,
      removing,
      trashing,
      transferring,
      prepared,
      locks,
      searching,
      crawling: createCrawling({ table, lookup, listings, now: () => clock.now() }),
      nameIndex: parts.nameIndex,
      pending: pendingUploads(pending, uploading),
    },
    async () => {
      locks.close();
      settling.close();
      clearInterval(purge);
      clearInterval(sweep);
      await pending.attempts.stop(new StorageError("unavailable", "the server is stopping"));
      await Promise.all(table.all().map((storage) => storage.close()));
      await remembered.settled();
      await parts.nameIndex?.close();
      await tree.close();
      prepared.close();
    },
  );
}
