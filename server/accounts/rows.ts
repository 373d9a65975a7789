/** The accounts of the durable database. A write is durable when it resolves. */
import type { Selectable, Updateable } from "kysely";
import type { Store } from "../store/store.ts";
import type { AccountTable } from "../store/tables/accounts.ts";

export type AccountRow = Readonly<Selectable<AccountTable>>;

export interface AccountRows {
  all(): Promise<readonly AccountRow[]>;
  /** A number that no account had before. */
  newId(): Promise<number>;
  insert(row: AccountRow): Promise<void>;
  update(id: number, change: Updateable<AccountTable>): Promise<void>;
  delete(id: number): Promise<void>;
  /** Mount paths of the storages that use the account. */
  mountsOf(id: number): Promise<readonly string[]>;
}

export function accountRows(store: Store): AccountRows {
  const { db } = store;
  return {
    all: () => db.selectFrom("account").selectAll().orderBy("id").execute(),
    newId: () => store.takeBlock("account", 1),
    async insert(row) {
      await db.insertInto("account").values(row).execute();
    },
    async update(id, change) {
      await db.updateTable("account").set(change).where("id", "=", id).execute();
    },
    async delete(id) {
      await db.deleteFrom("account").where("id", "=", id).execute();
    },
    async mountsOf(id) {
      const rows = await db
        .selectFrom("storage")
        .select("mount_path")
        .where("account_id", "=", id)
        .orderBy("mount_path")
        .execute();
      return rows.map((row) => row.mount_path);
    },
  };
}
