/** From a storage's row to a mount in the mount table, and out of it again. */
import type { Selectable } from "kysely";
import type { AnyDriver, Clock, Log } from "#drivers/contract/driver.ts";
import { isLoginOver } from "#drivers/contract/errors.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import type { StorageTable } from "../store/tables/vfs.ts";
import type { Freshness, StorageInfo } from "./api.ts";
import type { MountTable } from "./mount-table.ts";
import { MountedStorage } from "./mounted-storage.ts";
import type { Pending } from "./pending/pending.ts";
import type { ReplyMode } from "./pending/reply-mode.ts";
import type { MoveJournal } from "./properties/move-journal.ts";
import type { RememberedNodes } from "./properties/remembered-nodes.ts";
import { checkSettings } from "./storage-drivers.ts";
import type { Tree } from "./tree/tree.ts";

/** Opens a driver's mount under the full stack of layers. */
export type OpenMount = (
  storage: { readonly id: number; readonly mountPath: string; readonly account?: number },
  definition: AnyDriver,
  settings: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
) => Promise<Mount>;

export interface MountingOptions {
  readonly tree: Tree;
  readonly table: MountTable;
  readonly remembered: RememberedNodes;
  readonly moves: MoveJournal;
  readonly pending: Pick<Pending, "of" | "totals">;
  readonly openMount: OpenMount;
  readonly clock: Clock;
  readonly log: Log;
}

export type StorageRow = Selectable<StorageTable>;

export class Mounting {
  readonly #o: MountingOptions;

  constructor(options: MountingOptions) {
    this.#o = options;
  }

  /** Puts a storage into the table; its driver is opened when somebody first asks. */
  async mount(row: StorageRow, definition: AnyDriver): Promise<MountedStorage> {
    const settings = JSON.parse(row.settings) as Record<string, unknown>;
    const freshness = row.freshness === null ? undefined : (JSON.parse(row.freshness) as Freshness);
    await this.#o.remembered.openStorage(row.id);
    const storage = new MountedStorage({
      id: row.id,
      mountPath: row.mount_path,
      definition,
      settings,
      ...(freshness && { freshness }),
      delivery: row.delivery as StorageInfo["delivery"],
      placeholders: row.placeholders as StorageInfo["placeholders"],
      ...(row.write_mode !== null && { writeMode: row.write_mode as ReplyMode }),
      ...(row.reply_within !== null && { replyWithinMs: row.reply_within }),
      pendingFailure: (node) => this.#o.pending.of(node)?.failure,
      tree: await this.#o.tree.openMount(row.id, definition.traits),
      remembered: this.#o.remembered,
      open: (signal) => this.#open(row, definition, settings, signal),
      clock: this.#o.clock,
      log: this.#o.log,
    });
    this.#o.table.add(storage);
    return storage;
  }

  async #open(
    row: StorageRow,
    definition: AnyDriver,
    settings: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<Mount> {
    const account = row.account_id !== null && { account: row.account_id };
    const named = { id: row.id, mountPath: row.mount_path, ...account };
    const mount = await this.#o.openMount(named, definition, checkSettings(definition, settings), signal);
    try {
      await this.#o.moves.settle(row.id, mount, { signal, priority: "background" });
      return mount;
    } catch (error) {
      await mount.close?.();
      throw error;
    }
  }

  /** Learns early how the storage is doing, without a call to one whose root is known and whose calls are dear. */
  openBehind(storage: MountedStorage): void {
    const opened = storage.traits.cheapStat ? storage.askRoot(storage.closing) : storage.root(storage.closing);
    Promise.all([storage.mount(), opened]).catch((error: unknown) => {
      if (!storage.closing.aborted && !isLoginOver(error))
        this.#o.log.warn({ mount: storage.mountPath, err: error }, "storage did not open");
    });
  }

  /** Tries at once what failed, where the storage is mounted. */
  wake(id: number): void {
    this.#o.table.get(id)?.wake();
  }

  /** Takes a storage out of the table and closes it; nothing where it is not mounted. */
  async unmount(id: number): Promise<void> {
    await this.#o.table.delete(id)?.close();
  }
}
