/** Durable checkpoints of uploads (architecture.md §3, §6): the same file sent again after a crash goes on where it was, and what nobody sends again is given up. */
import type { Selectable } from "kysely";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Checkpoint, Json, Mount } from "#drivers/contract/mount.ts";
import type { Store } from "../store/store.ts";
import type { UploadCheckpointTable } from "../store/tables/vfs.ts";

/** How long a checkpoint waits for its file to be sent again, in milliseconds. */
const KEPT_MS = 7 * 24 * 3600_000;

/** How long it is kept beyond that where the service does not let go of it. */
const FORGOTTEN_MS = 30 * 24 * 3600_000;

/** Longest wait for the service to let go of one upload, in milliseconds. */
const ABANDON_MS = 30_000;

/** What a checkpoint belongs to. */
export interface UploadKey {
  readonly storageId: number;
  /** `Entry.id` of the directory. */
  readonly parentId: string;
  /** The name that was asked for, as the upstream has it. */
  readonly name: string;
  readonly size: number;
  /** Tells the same content again: a hash of it, or the file that it lies in and its time. */
  readonly identity: string;
}

/** A checkpoint in the hands of one upload. */
export interface HeldCheckpoint extends Checkpoint {
  /** Lets others have it. */
  release(): void;
}

/** What the checkpoints need of a mounted storage. */
export interface CheckpointedStorage {
  readonly id: number;
  readonly mountPath: string;
  readonly closing: AbortSignal;
  mount(): Promise<Pick<Mount, "abandonUpload">>;
}

type Row = Selectable<UploadCheckpointTable>;

export class Checkpoints {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  /** In the hands of a running upload. */
  readonly #held = new Set<string>();

  constructor({ store, clock, log }: { readonly store: Store; readonly clock: Clock; readonly log: Log }) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** The checkpoint of an upload; undefined while another upload has it. What is left of other content for the same name is given up. */
  async take(storage: CheckpointedStorage, key: UploadKey): Promise<HeldCheckpoint | undefined> {
    const row = toRow(key);
    const id = idOf(row);
    if (this.#held.has(id)) return undefined;
    this.#held.add(id);
    try {
      await this.#giveUpOthers(storage, row);
    } catch (error) {
      this.#held.delete(id);
      throw error;
    }
    const { db } = this.#store;
    return {
      load: async () => {
        const found = await matching(db.selectFrom("upload_checkpoint").select("state"), row).executeTakeFirst();
        return found && (JSON.parse(found.state) as Json);
      },
      save: async (state) => {
        const values = { ...row, state: JSON.stringify(state), at: this.#clock.now() };
        await db
          .insertInto("upload_checkpoint")
          .values(values)
          .onConflict((c) =>
            c
              .columns(["storage_id", "parent_id", "name", "size", "identity"])
              .doUpdateSet({ state: values.state, at: values.at }),
          )
          .execute();
      },
      clear: async () => {
        await matching(db.deleteFrom("upload_checkpoint"), row).execute();
      },
      release: () => void this.#held.delete(id),
    };
  }

  /** Lets the service forget what a checkpoint holds there, and forgets it. */
  async abandon(storage: CheckpointedStorage, key: UploadKey): Promise<void> {
    const row = await matching(
      this.#store.db.selectFrom("upload_checkpoint").selectAll(),
      toRow(key),
    ).executeTakeFirst();
    if (row) await this.#giveUp(storage, row);
  }

  /** Gives up what was left too long ago. Storages that are not mounted keep theirs for later. Never rejects. */
  async sweep(find: (storageId: number) => CheckpointedStorage | undefined): Promise<void> {
    try {
      const stale = await this.#store.db
        .selectFrom("upload_checkpoint")
        .selectAll()
        .where("at", "<", this.#clock.now() - KEPT_MS)
        .execute();
      for (const row of stale) {
        const storage = find(row.storage_id);
        if (storage && !this.#held.has(idOf(row))) await this.#giveUp(storage, row);
      }
    } catch (error) {
      this.#log.warn({ err: error }, "stale upload checkpoints could not be swept");
    }
  }

  async #giveUpOthers(storage: CheckpointedStorage, row: Omit<Row, "state" | "at">): Promise<void> {
    const others = await this.#store.db
      .selectFrom("upload_checkpoint")
      .selectAll()
      .where("storage_id", "=", row.storage_id)
      .where("parent_id", "=", row.parent_id)
      .where("name", "=", row.name)
      .execute();
    for (const other of others) {
      if (!this.#held.has(idOf(other))) await this.#giveUp(storage, other);
    }
  }

  /** The row goes when the service has let go, or never knew it; else it waits for the next sweep, but not for ever. */
  async #giveUp(storage: CheckpointedStorage, row: Row): Promise<void> {
    try {
      const mount = await storage.mount();
      const signal = AbortSignal.any([AbortSignal.timeout(ABANDON_MS), storage.closing]);
      await mount.abandonUpload?.(JSON.parse(row.state) as Json, { signal, priority: "background" });
    } catch (error) {
      const isGone = error instanceof StorageError && error.kind === "not-found";
      const isOld = row.at < this.#clock.now() - FORGOTTEN_MS;
      if (!isGone && !isOld) {
        this.#log.warn({ mount: storage.mountPath, err: error }, "an unfinished upload could not be given up yet");
        return;
      }
    }
    await matching(this.#store.db.deleteFrom("upload_checkpoint"), row).execute();
  }
}

function toRow({ storageId, parentId, name, size, identity }: UploadKey): Omit<Row, "state" | "at"> {
  return { storage_id: storageId, parent_id: JSON.stringify(parentId), name: JSON.stringify(name), size, identity };
}

function idOf({ storage_id, parent_id, name, size, identity }: Omit<Row, "state" | "at">): string {
  return JSON.stringify([storage_id, parent_id, name, size, identity]);
}

/** The query, for the one row of a key. */
function matching<Q extends { where(column: never, operator: "=", value: unknown): Q }>(
  query: Q,
  row: Omit<Row, "state" | "at">,
): Q {
  const columns = ["storage_id", "parent_id", "name", "size", "identity"] as const;
  return columns.reduce((narrowed, column) => narrowed.where(column as never, "=", row[column]), query);
}
