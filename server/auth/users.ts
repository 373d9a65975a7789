/** The accounts of people at this server. */
import type { Selectable } from "kysely";
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { randomText } from "../store/random-text.ts";
import type { UserTable } from "../store/schema.ts";
import type { Store } from "../store/store.ts";
import { hashPassword, staticHash } from "./passwords.ts";

export interface User {
  readonly id: number;
  readonly name: string;
  readonly role: "admin" | "general" | "guest";
  /** What the user sees as `/`: absolute and normalised. */
  readonly basePath: string;
  /** AList's bits (alist-api.md §4.7). */
  readonly permission: number;
  readonly disabled: boolean;
  /** Unix seconds of the last password change, 0 for never. */
  readonly passwordChangedAt: number;
}

/** A user with what his password is checked against. */
interface Credential {
  readonly user: User;
  /** As `passwords.ts` writes it. */
  readonly stored: string;
}

export interface Users {
  /** Undefined for a name that nobody has; names are compared exactly. */
  find(name: string): Promise<User | undefined>;
  credential(name: string): Promise<Credential | undefined>;
  list(): Promise<readonly User[]>;
  /** The administrator of the first start. */
  owner(): Promise<User>;
  /** The account of callers who name none; disabled until the owner enables it (alist-api.md §4.5). */
  guest(): Promise<User>;
  /** Sets a password and ends all sessions of the user. Throws `not-found`, and `invalid-config` on an empty password. */
  setPassword(name: string, password: string): Promise<User>;
  /** Replaces the stored form of an unchanged password, unless it was changed meanwhile. */
  upgrade(from: Credential, stored: string): Promise<void>;
}

/** Name of the account that the first start makes (alist-api.md §4.5). */
const OWNER_NAME = "admin";
const GUEST_NAME = "guest";

/** All of AList's bits, in each dialect. */
const ALL_BITS = 0xffff;

/** The users of a store. `createOwner` comes before anything else. */
export function openUsers(
  { db, connection, changes }: Pick<Store, "db" | "connection" | "changes">,
  clock: Clock,
): Users {
  const byName = connection.prepare(db.selectFrom("user").selectAll().where("name", "=", "").compile().sql);
  // Asked with every request of a file client: rows are kept as long as nothing at all was written to the database.
  const kept = new Map<string, Selectable<UserTable>>();
  let keptAt = changes();
  const row = (name: string) => {
    const now = changes();
    if (now !== keptAt) kept.clear();
    keptAt = now;
    const known = kept.get(name) ?? (byName.get(name) as Selectable<UserTable> | undefined);
    if (known) kept.set(name, known);
    return known;
  };
  const required = async (name: string): Promise<User> => {
    const found = row(name);
    if (!found) throw new StorageError("not-found", `there is no user "${name}"`);
    return toUser(found);
  };
  return {
    async find(name) {
      const found = row(name);
      return found && toUser(found);
    },
    async credential(name) {
      const found = row(name);
      return found && { user: toUser(found), stored: found.password };
    },
    async list() {
      return (await db.selectFrom("user").selectAll().orderBy("id").execute()).map(toUser);
    },
    async owner() {
      const found = await db
        .selectFrom("user")
        .selectAll()
        .where("role", "=", "admin")
        .orderBy("id")
        .executeTakeFirstOrThrow();
      return toUser(found);
    },
    guest: () => required(GUEST_NAME),
    async setPassword(name, password) {
      if (password === "") throw new StorageError("invalid-config", "the password is empty");
      const user = await required(name);
      const stored = await hashPassword(staticHash(password));
      const seconds = Math.floor(clock.now() / 1000);
      await db.transaction().execute(async (trx) => {
        await trx
          .updateTable("user")
          .set({ password: stored, password_changed_at: seconds })
          .where("id", "=", user.id)
          .execute();
        await trx.deleteFrom("session").where("user_id", "=", user.id).execute();
      });
      return { ...user, passwordChangedAt: seconds };
    },
    async upgrade(from, stored) {
      await db
        .updateTable("user")
        .set({ password: stored })
        .where("id", "=", from.user.id)
        .where("password", "=", from.stored)
        .execute();
    },
  };
}

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
      .values({ ...user, name: GUEST_NAME, password: "!", role: "guest", permission: 0, disabled: 1 })
      .onConflict((c) => c.column("name").doNothing())
      .execute();
  });
  return chosen;
}

function toUser(row: Selectable<UserTable>): User {
  return {
    id: row.id,
    name: row.name,
    role: row.role as User["role"],
    basePath: row.base_path,
    permission: row.permission,
    disabled: row.disabled !== 0,
    passwordChangedAt: row.password_changed_at,
  };
}
