/** The accounts of people at this server. */
import type { Selectable } from "kysely";
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Sealing } from "../store/sealing.ts";
import type { Store } from "../store/store.ts";
import type { UserTable } from "../store/tables/auth.ts";
import { hashPassword, staticHash } from "./passwords.ts";
import { checkUser, demandKept } from "./user-rules.ts";

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
  /** True where a login asks for a code too; absent means false. */
  readonly hasTotp?: boolean;
}

/** What an administrator says about somebody. */
export interface UserInput {
  readonly name: string;
  readonly basePath: string;
  readonly permission: number;
  readonly disabled: boolean;
}

/** A password as another server kept it, with what goes with it. */
export interface KeptPassword {
  /** As `passwords.ts` writes it (`alistStored`, `NO_PASSWORD`). */
  readonly stored: string;
  /** Unix seconds, 0 for never. */
  readonly changedAt: number;
  /** The secret of the second factor; absent: none from now on. */
  readonly totp?: string;
}

/** A user with what his password is checked against. */
export interface Credential {
  readonly user: User;
  /** As `passwords.ts` writes it. */
  readonly stored: string;
  /** The second factor; absent without one. */
  readonly totp?: { readonly secret: string; readonly usedStep: number };
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
  /** Undefined for an id that nobody has. */
  get(id: number): Promise<User | undefined>;
  /** A new general user. Throws `already-exists`, and `invalid-config` naming the field. */
  create(input: UserInput, password: string | KeptPassword): Promise<User>;
  /**
   * Changes a user, and with `password` that too, all or nothing; sessions end with his name or password, else stay. The administrator keeps base path,
   * rights and being enabled, the guest his name. Throws `not-found`, `already-exists`, `invalid-config`, and `permission-denied` for what those two must keep.
   */
  update(id: number, input: UserInput, password?: string | KeptPassword): Promise<User>;
  /** Throws `not-found`, and `permission-denied` for the administrator and the guest. */
  remove(id: number): Promise<void>;
  /** Sets the secret of the second factor, or takes it away. Throws `not-found`. */
  setTotp(id: number, secret: string | undefined): Promise<void>;
  /** Notes a code as used. False where one of this step or a later one was used already: of two at once, one is let in. */
  useTotpStep(id: number, step: number): Promise<boolean>;
  /** Replaces the stored form of an unchanged password, unless it was changed meanwhile. */
  upgrade(from: Credential, stored: string): Promise<void>;
}

/** The name of callers who name none (alist-api.md §4.5). */
export const GUEST_NAME = "guest";

/** The users of a store. `createOwner` comes before anything else. */
export function openUsers(
  { db, connection, changes }: Pick<Store, "db" | "connection" | "changes">,
  sealing: Sealing,
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
  const byId = async (id: number): Promise<User | undefined> => {
    const found = await db.selectFrom("user").selectAll().where("id", "=", id).executeTakeFirst();
    return found && toUser(found);
  };
  /** The second factor that goes with a password of another server; with one of ours it stays as it is. */
  const keptTotp = (id: number, password: string | KeptPassword) => {
    if (typeof password === "string") return undefined;
    const { totp } = password;
    return { totp: totp === undefined ? null : sealing.seal(totp, totpPurpose(id)), totp_step: 0 };
  };
  const refuseTaken = (name: string) => {
    if (row(name)) throw new StorageError("already-exists", `there is a user "${name}" already`);
  };
  return {
    async find(name) {
      const found = row(name);
      return found && toUser(found);
    },
    async credential(name) {
      const found = row(name);
      if (!found) return undefined;
      const totp = found.totp !== null && { secret: unseal(found, sealing), usedStep: found.totp_step };
      return { user: toUser(found), stored: found.password, ...(totp && { totp }) };
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
      if (password === "") throw emptyPassword();
      const user = await required(name);
      const secret = await newPassword(password, clock);
      await db.transaction().execute(async (trx) => {
        await trx.updateTable("user").set(secret).where("id", "=", user.id).execute();
        await trx.deleteFrom("session").where("user_id", "=", user.id).execute();
      });
      return { ...user, passwordChangedAt: secret.password_changed_at };
    },
    get: byId,
    async create(input, password) {
      if (password === "") throw emptyPassword();
      const values = checkUser(input);
      refuseTaken(values.name);
      const secret = await newPassword(password, clock);
      refuseTaken(values.name);
      const changedAt = typeof password === "string" ? 0 : password.changedAt;
      return db.transaction().execute(async (trx) => {
        const made = await trx
          .insertInto("user")
          .values({ ...values, ...secret, password_changed_at: changedAt, role: "general" })
          .returningAll()
          .executeTakeFirstOrThrow();
        const second = keptTotp(made.id, password);
        if (second?.totp) await trx.updateTable("user").set(second).where("id", "=", made.id).execute();
        return toUser({ ...made, ...second });
      });
    },
    async update(id, input, password) {
      if (password === "") throw emptyPassword();
      const old = await byId(id);
      if (!old) throw missing(id);
      const values = checkUser(input);
      if (values.name !== old.name) refuseTaken(values.name);
      demandKept(old, values);
      const secret = password === undefined ? undefined : await newPassword(password, clock);
      await db.transaction().execute(async (trx) => {
        await trx
          .updateTable("user")
          .set({ ...values, ...secret, ...(password !== undefined && keptTotp(id, password)) })
          .where("id", "=", id)
          .execute();
        // A token says the name that it was given for.
        const ends = values.name !== old.name || secret !== undefined;
        if (ends) await trx.deleteFrom("session").where("user_id", "=", id).execute();
      });
      const now = await byId(id);
      if (!now) throw missing(id);
      return now;
    },
    async remove(id) {
      const old = await byId(id);
      if (!old) throw missing(id);
      if (old.role !== "general") throw new StorageError("permission-denied", "cannot delete admin or guest");
      await db.deleteFrom("user").where("id", "=", id).execute();
    },
    async setTotp(id, secret) {
      const totp = secret === undefined ? null : sealing.seal(secret, totpPurpose(id));
      const { numUpdatedRows } = await db
        .updateTable("user")
        .set({ totp, totp_step: 0 })
        .where("id", "=", id)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) throw missing(id);
    },
    async useTotpStep(id, step) {
      const { numUpdatedRows } = await db
        .updateTable("user")
        .set({ totp_step: step })
        .where("id", "=", id)
        .where("totp_step", "<", step)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
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

/** A row as a user. */
export function toUser(row: Selectable<UserTable>): User {
  return {
    id: row.id,
    name: row.name,
    role: row.role as User["role"],
    basePath: row.base_path,
    permission: row.permission,
    disabled: row.disabled !== 0,
    passwordChangedAt: row.password_changed_at,
    ...(row.totp !== null && { hasTotp: true }),
  };
}

/** The columns of a password that is set now. */
async function newPassword(password: string | KeptPassword, clock: Clock) {
  if (typeof password !== "string") return { password: password.stored, password_changed_at: password.changedAt };
  const stored = await hashPassword(staticHash(password));
  return { password: stored, password_changed_at: Math.floor(clock.now() / 1000) };
}

function emptyPassword(): StorageError {
  return new StorageError("invalid-config", "the password is empty");
}

function missing(id: number): StorageError {
  return new StorageError("not-found", `there is no user with the id ${id}`);
}

function totpPurpose(id: number): string {
  return `pandav second factor ${id}`;
}

function unseal({ id, name, totp }: Selectable<UserTable>, sealing: Sealing): string {
  return sealing.open(totp!, totpPurpose(id), (why, cause) => {
    const remedy = `or take it away with "pandav user passwd ${name} --no-2fa"`;
    return new StorageError("invalid-config", `the second factor of ${name} cannot be read: ${why}, ${remedy}`, {
      cause,
    });
  });
}
