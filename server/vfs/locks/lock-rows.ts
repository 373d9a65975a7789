/** Locks in the durable database. */
import type { Selectable } from "kysely";
import type { Store } from "../../store/store.ts";
import type { LockTable } from "../../store/tables/vfs.ts";
import type { Lock } from "./lock.ts";

/** Most rows that one statement deletes. */
const DELETED_AT_ONCE = 100;

export class LockRows {
  readonly #db: Store["db"];

  constructor({ db }: Pick<Store, "db">) {
    this.#db = db;
  }

  async load(): Promise<readonly Lock[]> {
    return (await this.#db.selectFrom("lock").selectAll().execute()).map(toLock);
  }

  async insert(lock: Lock): Promise<void> {
    await this.#db.insertInto("lock").values(toRow(lock)).execute();
  }

  async update(lock: Lock): Promise<void> {
    const { n, entry_id, expires_at } = toRow(lock);
    await this.#db.updateTable("lock").set({ n, entry_id, expires_at }).where("token", "=", lock.token).execute();
  }

  async delete(locks: readonly Lock[]): Promise<void> {
    for (let i = 0; i < locks.length; i += DELETED_AT_ONCE) {
      const tokens = locks.slice(i, i + DELETED_AT_ONCE).map(({ token }) => token);
      await this.#db.deleteFrom("lock").where("token", "in", tokens).execute();
    }
  }
}

function toRow(lock: Lock): LockTable {
  return {
    token: lock.token,
    storage_id: lock.storageId,
    n: lock.n,
    entry_id: JSON.stringify(lock.entryId),
    path: lock.inside,
    scope: lock.scope,
    depth: lock.depth,
    owner: lock.owner,
    user_id: lock.userId,
    expires_at: lock.expiresAt,
  };
}

function toLock(row: Selectable<LockTable>): Lock {
  return {
    token: row.token,
    storageId: row.storage_id,
    n: row.n,
    entryId: JSON.parse(row.entry_id) as string,
    inside: row.path,
    scope: row.scope as Lock["scope"],
    depth: row.depth as Lock["depth"],
    owner: row.owner,
    userId: row.user_id,
    expiresAt: row.expires_at,
  };
}
