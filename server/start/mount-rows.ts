/** What the durable database keeps for one storage's driver and layers. */
import { z } from "zod";
import type { MountState } from "#drivers/contract/driver.ts";
import type { Json } from "#drivers/contract/mount.ts";
import type { Journal } from "../layers/journal.ts";
import type { Store } from "../store/store.ts";

const json: z.ZodType<Json> = z.json();

/** The driver's key-value pairs (`DriverEnv.state`). */
export function stateRows({ db }: Pick<Store, "db">, storageId: number): MountState {
  return {
    async get(key) {
      const row = await db
        .selectFrom("storage_state")
        .select("value")
        .where("storage_id", "=", storageId)
        .where("key", "=", key)
        .executeTakeFirst();
      return row && json.parse(JSON.parse(row.value));
    },
    async set(key, value) {
      await db
        .insertInto("storage_state")
        .values({ storage_id: storageId, key, value: JSON.stringify(value) })
        .onConflict((c) => c.columns(["storage_id", "key"]).doUpdateSet({ value: JSON.stringify(value) }))
        .execute();
    },
    async delete(key) {
      await db.deleteFrom("storage_state").where("storage_id", "=", storageId).where("key", "=", key).execute();
    },
  };
}

/** The journal of replacements of the layer `complete`. */
export function journalRows({ db }: Pick<Store, "db">, storageId: number, now: () => number): Journal {
  return {
    async add(state) {
      const row = await db
        .insertInto("replacement")
        .values({ storage_id: storageId, state: JSON.stringify(state), at: now() })
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
      return rows.map(({ id, state }) => ({ id, state: json.parse(JSON.parse(state)) }));
    },
  };
}
