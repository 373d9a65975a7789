/** Rows of the durable database that belong to one mount: its driver's small state, and its journal of replacements. */
import type { Clock, MountState } from "#drivers/contract/driver.ts";
import type { Json } from "#drivers/contract/mount.ts";
import type { Journal } from "../layers/journal.ts";
import type { Store } from "../store/store.ts";

/** The `DriverEnv.state` of a storage. */
export function mountState({ db }: Store, storageId: number): MountState {
  return {
    async get(key) {
      const row = await db
        .selectFrom("storage_state")
        .select("value")
        .where("storage_id", "=", storageId)
        .where("key", "=", key)
        .executeTakeFirst();
      return row && (JSON.parse(row.value) as Json);
    },
    async set(key, value) {
      const text = JSON.stringify(value);
      await db
        .insertInto("storage_state")
        .values({ storage_id: storageId, key, value: text })
        .onConflict((c) => c.columns(["storage_id", "key"]).doUpdateSet({ value: text }))
        .execute();
    },
    async delete(key) {
      await db.deleteFrom("storage_state").where("storage_id", "=", storageId).where("key", "=", key).execute();
    },
  };
}

/** The journal of a storage's layer `complete`. */
export function mountJournal({ db }: Store, storageId: number, clock: Clock): Journal {
  return {
    async add(state) {
      const row = await db
        .insertInto("replacement")
        .values({ storage_id: storageId, state: JSON.stringify(state), at: clock.now() })
        .returning("id")
        .executeTakeFirstOrThrow();
      return row.id;
    },
    async update(id, state) {
      await db
        .updateTable("replacement")
        .set({ state: JSON.stringify(state) })
        .where("id", "=", id)
        .execute();
    },
    async remove(id) {
      await db.deleteFrom("replacement").where("id", "=", id).execute();
    },
    async list() {
      const rows = await db
        .selectFrom("replacement")
        .select(["id", "state"])
        .where("storage_id", "=", storageId)
        .orderBy("id")
        .execute();
      return rows.map((row) => ({ id: row.id, state: JSON.parse(row.state) as Json }));
    },
  };
}
