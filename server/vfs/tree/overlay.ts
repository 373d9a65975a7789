/** Local changes that listings may not know yet: durable, and in memory while the tree is open (architecture.md §5). */
import type { Transaction } from "kysely";
import type { Entry } from "#drivers/contract/mount.ts";
import type { Schema } from "../../store/schema.ts";
import type { Store } from "../../store/store.ts";
import type { OverlayTable } from "../../store/tables/vfs.ts";

/** One local change. Immutable. */
export interface LocalChange {
  readonly mountId: number;
  readonly parentN: number;
  /** The visible name. */
  readonly name: string;
  /** The node's key; 0 where a name was removed that the tree did not know. */
  readonly n: number;
  readonly op: "put" | "remove";
  /** What was put; of a removal what was there, so that a listing's entry is known by its id. */
  readonly entry: Entry | undefined;
  /** `pending`: its content waits here for its upload, and hides what the storage has under its name. `placeholder`: only we have it, and it gives way to that. */
  readonly state: "pending" | "placeholder" | "committed";
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What is written together with a change: after a crash both are there or neither. */
export type Also = (trx: Transaction<Schema>) => Promise<unknown>;

/** How much of a mount is kept in placeholders. */
export interface PlaceholderTotals {
  readonly count: number;
  readonly bytes: number;
}

interface DirectoryChanges {
  readonly byName: Map<string, LocalChange>;
  /** By the upstream's id; pending entries have none that means anything. */
  readonly byId: Map<string, Set<LocalChange>>;
}

/** Most rows that one statement deletes. */
const DELETED_AT_ONCE = 100;

const NONE: ReadonlySet<LocalChange> = new Set();

export class Overlay {
  readonly #store: Store;
  readonly #directories = new Map<number, DirectoryChanges>();
  /** By mount. */
  readonly #placeholders = new Map<number, Set<LocalChange>>();
  /** By the version of their entry. */
  readonly #pending = new Map<string, LocalChange>();

  private constructor(store: Store) {
    this.#store = store;
  }

  static async load(store: Store): Promise<Overlay> {
    const overlay = new Overlay(store);
    const rows = await store.db
      .selectFrom("overlay")
      .select(["storage_id", "parent_n", "name", "n", "op", "entry", "state", "at"])
      .select((eb) => eb("content", "is not", null).as("has_content"))
      .execute();
    for (const row of rows) overlay.#remember(toChange(row));
    // What waited for its upload, and was removed with its directory.
    const waiting = new Set((await store.db.selectFrom("pending_upload").select("id").execute()).map(({ id }) => id));
    await overlay.drop([...overlay.#pending.values()].filter(({ entry }) => !waiting.has(entry!.version!)));
    return overlay;
  }

  /** All changes, oldest first. */
  all(): LocalChange[] {
    return [...this.#directories.values()].flatMap((d) => [...d.byName.values()]).sort((a, b) => a.at - b.at);
  }

  /** The changes in a directory by visible name. */
  in(parentN: number): ReadonlyMap<string, LocalChange> | undefined {
    return this.#directories.get(parentN)?.byName;
  }

  /** The changes of the entry of an upstream id, in a directory. */
  byId(parentN: number, id: string): Iterable<LocalChange> {
    return this.#directories.get(parentN)?.byId.get(id) ?? [];
  }

  /** The change that shows pending content, by the version of its entry. */
  pending(version: string): LocalChange | undefined {
    return this.#pending.get(version);
  }

  /** The placeholders of a mount. */
  placeholders(mountId: number): ReadonlySet<LocalChange> {
    return this.#placeholders.get(mountId) ?? NONE;
  }

  totals(mountId: number): PlaceholderTotals {
    let bytes = 0;
    const all = this.placeholders(mountId);
    for (const { entry } of all) bytes += entry?.size ?? 0;
    return { count: all.size, bytes };
  }

  /** What a placeholder holds; undefined once it is one no more. */
  async contentOf({ parentN, name, n, at }: LocalChange): Promise<Buffer | undefined> {
    const row = await this.#store.db
      .selectFrom("overlay")
      .select("content")
      .where("parent_n", "=", parentN)
      .where("name", "=", name)
      .where("n", "=", n)
      .where("at", "=", at)
      .executeTakeFirst();
    return row?.content == null ? undefined : Buffer.from(row.content, "base64");
  }

  /**
   * Stores changes together; each replaces an earlier one of its name. Listings heed them from the call on, and they are durable when it resolves.
   * `content` is that of the placeholders among them.
   */
  async write(
    changes: readonly LocalChange[],
    { content, also }: { readonly content?: Buffer | undefined; readonly also?: Also | undefined } = {},
  ): Promise<void> {
    const before = changes.map((change) => this.in(change.parentN)?.get(change.name));
    for (const change of changes) this.#remember(change);
    const insert = (db: Pick<Store["db"], "insertInto">) =>
      db
        .insertInto("overlay")
        .values(changes.map((change) => toRow(change, content)))
        .onConflict((c) =>
          c.columns(["parent_n", "name"]).doUpdateSet((eb) => ({
            storage_id: eb.ref("excluded.storage_id"),
            n: eb.ref("excluded.n"),
            op: eb.ref("excluded.op"),
            entry: eb.ref("excluded.entry"),
            state: eb.ref("excluded.state"),
            at: eb.ref("excluded.at"),
            content: eb.ref("excluded.content"),
          })),
        )
        .execute();
    const { db } = this.#store;
    try {
      if (!also) await insert(db);
      else {
        await db.transaction().execute(async (trx) => {
          await insert(trx);
          await also(trx);
        });
      }
    } catch (error) {
      for (const [i, change] of changes.entries()) {
        this.#forget(change);
        if (before[i]) this.#remember(before[i]);
      }
      throw error;
    }
  }

  /** Forgets changes, except those that a later one has replaced. */
  async drop(changes: readonly LocalChange[]): Promise<void> {
    for (const change of changes) this.#forget(change);
    for (let i = 0; i < changes.length; i += DELETED_AT_ONCE) {
      const some = changes.slice(i, i + DELETED_AT_ONCE);
      await this.#store.db
        .deleteFrom("overlay")
        .where((eb) =>
          eb.or(
            some.map((c) =>
              eb.and([
                eb("parent_n", "=", c.parentN),
                eb("name", "=", c.name),
                eb("at", "=", c.at),
                eb("op", "=", c.op),
                eb("n", "=", c.n),
              ]),
            ),
          ),
        )
        .execute();
    }
  }

  async dropMount(mountId: number): Promise<void> {
    await this.drop(this.all().filter((change) => change.mountId === mountId));
    await this.#store.db.deleteFrom("overlay").where("storage_id", "=", mountId).execute();
  }

  #remember(change: LocalChange): void {
    let directory = this.#directories.get(change.parentN);
    if (!directory) {
      directory = { byName: new Map(), byId: new Map() };
      this.#directories.set(change.parentN, directory);
    }
    const replaced = directory.byName.get(change.name);
    if (replaced) this.#forget(replaced);
    this.#directories.set(change.parentN, directory);
    directory.byName.set(change.name, change);
    if (change.state === "pending" && change.entry?.version !== undefined) {
      this.#pending.set(change.entry.version, change);
    }
    if (change.state === "placeholder") {
      const all = this.#placeholders.get(change.mountId) ?? new Set();
      this.#placeholders.set(change.mountId, all.add(change));
    }
    const id = idOf(change);
    if (id === undefined) return;
    directory.byId.set(id, (directory.byId.get(id) ?? new Set()).add(change));
  }

  #forget(change: LocalChange): void {
    const directory = this.#directories.get(change.parentN);
    if (directory?.byName.get(change.name) !== change) return;
    directory.byName.delete(change.name);
    const version = change.entry?.version;
    if (version !== undefined && this.#pending.get(version) === change) this.#pending.delete(version);
    this.#placeholders.get(change.mountId)?.delete(change);
    const id = idOf(change);
    const ofId = id === undefined ? undefined : directory.byId.get(id);
    if (id !== undefined && ofId?.delete(change) && ofId.size === 0) directory.byId.delete(id);
    if (directory.byName.size === 0) this.#directories.delete(change.parentN);
  }
}

/** True where a listing that began at `startedAt` cannot be trusted to know the change. Of a placeholder no listing knows, as long as the storage has nothing under its name. */
export function isAheadOf(change: LocalChange, startedAt: number, settlesWithinMs: number): boolean {
  return change.state !== "committed" || isNewerThan(change, startedAt, settlesWithinMs);
}

/** True where the storage may not have heard of the change, or shown it yet, when a listing began at `startedAt`. */
export function isNewerThan({ at }: LocalChange, startedAt: number, settlesWithinMs: number): boolean {
  return at >= startedAt || startedAt - at < settlesWithinMs;
}

function idOf({ entry, state }: LocalChange): string | undefined {
  return entry && entry.id !== "" && state === "committed" ? entry.id : undefined;
}

function toRow(change: LocalChange, content: Buffer | undefined): OverlayTable {
  return {
    storage_id: change.mountId,
    parent_n: change.parentN,
    name: change.name,
    n: change.n,
    op: change.op,
    entry: change.entry ? JSON.stringify(change.entry) : null,
    state: change.state === "committed" ? "committed" : "pending",
    at: change.at,
    content: change.state === "placeholder" ? (content ?? Buffer.alloc(0)).toString("base64") : null,
  };
}

function toChange(row: Omit<OverlayTable, "content"> & { readonly has_content: unknown }): LocalChange {
  return {
    mountId: row.storage_id,
    parentN: row.parent_n,
    name: row.name,
    n: row.n,
    op: row.op as LocalChange["op"],
    entry: row.entry === null ? undefined : (JSON.parse(row.entry) as Entry),
    state: row.has_content ? "placeholder" : (row.state as LocalChange["state"]),
    at: row.at,
  };
}
