/** What earlier imports have taken over: it is left alone, whatever became of it here. */
import { createHash } from "node:crypto";
import type { Clock } from "#drivers/contract/driver.ts";
import type { Store } from "../store/store.ts";
import type { ImportRow } from "./step.ts";

export interface Imported {
  /** True where it was taken over before, and is of that mark; any mark where none is named. */
  has(what: ImportRow["what"], name: string, mark?: string): boolean;
  /** Durable when it resolves. Written before the thing itself, so that a crash between the two makes no conflict of it. */
  note(what: ImportRow["what"], name: string, mark: string): Promise<void>;
  forget(what: ImportRow["what"], name: string): Promise<void>;
}

/** The record of a store. */
export async function openImported({ db }: Pick<Store, "db">, clock: Pick<Clock, "now">): Promise<Imported> {
  const known = new Map<string, string>();
  for (const row of await db.selectFrom("imported").selectAll().execute()) {
    known.set(keyOf(row.what, row.name), row.digest);
  }
  return {
    has(what, name, mark) {
      const found = known.get(keyOf(what, name));
      return found !== undefined && (mark === undefined || found === digestOf(mark));
    },
    async note(what, name, mark) {
      const digest = digestOf(mark);
      const at = clock.now();
      await db
        .insertInto("imported")
        .values({ what, name, digest, at })
        .onConflict((c) => c.columns(["what", "name"]).doUpdateSet({ digest, at }))
        .execute();
      known.set(keyOf(what, name), digest);
    },
    async forget(what, name) {
      await db.deleteFrom("imported").where("what", "=", what).where("name", "=", name).execute();
      known.delete(keyOf(what, name));
    },
  };
}

function keyOf(what: string, name: string): string {
  return `${what}\0${name}`;
}

function digestOf(mark: string): string {
  return createHash("sha256").update(mark).digest("hex");
}
