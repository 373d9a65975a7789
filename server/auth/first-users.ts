/** The two accounts that are always there, made by the first start. */
import { randomText } from "../store/random-text.ts";
import type { Store } from "../store/store.ts";
import { hashPassword, NO_PASSWORD, staticHash } from "./passwords.ts";
import { ALL_BITS } from "./permission-bits.ts";
import { GUEST_NAME } from "./users.ts";

/** Name of the account that the first start makes (alist-api.md §4.5). */
const OWNER_NAME = "admin";

/**
 * Makes the administrator and the disabled guest where there is no administrator yet, and returns the administrator's password then, to be shown once.
 * `password` is used instead of a random one. Undefined on every later start.
 */
export async function createOwner({ db }: Pick<Store, "db">, password?: string): Promise<string | undefined> {
  const admin = await db.selectFrom("user").select("id").where("role", "=", "admin").executeTakeFirst();
  if (admin) return undefined;
  const chosen = password || randomText(16);
  const stored = await hashPassword(staticHash(chosen));
  await db.transaction().execute(async (trx) => {
    const user = { base_path: "/", password_changed_at: 0 };
    await trx
      .insertInto("user")
      .values({ ...user, name: OWNER_NAME, password: stored, role: "admin", permission: ALL_BITS, disabled: 0 })
      .execute();
    // No password matches the guest's: it is what callers without a name are.
    await trx
      .insertInto("user")
      .values({ ...user, name: GUEST_NAME, password: NO_PASSWORD, role: "guest", permission: 0, disabled: 1 })
      .onConflict((c) => c.column("name").doNothing())
      .execute();
  });
  return chosen;
}
