/** Users with the passwords that they have. */
import { StorageError } from "#drivers/contract/errors.ts";
import { alistStored, hashPassword, NO_PASSWORD, staticHash } from "../auth/passwords.ts";
import { isTotpSecret } from "../auth/totp.ts";
import { GUEST_NAME, type KeptPassword, type User, type UserInput, type Users } from "../auth/users.ts";
import type { Dump, DumpedUser } from "./dump.ts";
import type { Imported } from "./imported.ts";
import { type ImportedRights, ROLE, rightsOf } from "./rights.ts";
import { notes, remark, type Step } from "./step.ts";

export interface UserParts {
  readonly users: Users;
  readonly imported: Imported;
  /** Lets the logins of that server's users go on; absent where they cannot. */
  readonly adoptLogins?: ((userId: number) => Promise<void>) | undefined;
}

/** One step per user, the administrator first: his name may become free. */
export async function* userSteps(
  { users, roles }: Pick<Dump, "users" | "roles">,
  parts: UserParts,
): AsyncGenerator<Step> {
  const admins = users.filter(({ role }) => role.includes(ROLE.admin));
  const admin = admins.find(({ username }) => username === "admin") ?? admins[0];
  const guest = users.find(({ role }) => role.includes(ROLE.guest) && !role.includes(ROLE.admin));
  const owner = await parts.users.owner();
  if (admin) yield await ownerStep(admin, owner, parts);
  for (const user of users) {
    if (user === admin) continue;
    try {
      const rights = rightsOf(user, roles);
      yield user === guest
        ? await guestStep(user, rights, parts)
        : await userStep(user, rights, admin && owner.name, parts);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      yield remark("user", user.username, "skip", error.message);
    }
  }
}

async function ownerStep(admin: DumpedUser, owner: User, parts: UserParts): Promise<Step> {
  const { username } = admin;
  const mark = markOf(admin);
  if (parts.imported.has("user", username, mark) && owner.name === username) return remark("user", username, "same");
  if (!hasPassword(admin)) {
    return remark("user", username, "same", `${owner.name} administers, with the password here: the file has none`);
  }
  const other = username === owner.name ? undefined : await parts.users.find(username);
  if (other) return taken(username);
  return {
    mark,
    row: {
      what: "user",
      name: username,
      outcome: "replace",
      ...notes(
        "the administrator has that server's password from now on, and logs in anew",
        username !== owner.name && `is called ${username}, not ${owner.name}`,
        secondFactor(admin),
        beside(admin),
      ),
    },
    async apply() {
      const { id, basePath, permission } = owner;
      await parts.users.update(id, { name: username, basePath, permission, disabled: false }, await passwordOf(admin));
      await parts.adoptLogins?.(id);
      return undefined;
    },
  };
}

async function guestStep(user: DumpedUser, rights: ImportedRights, { users, imported }: UserParts): Promise<Step> {
  const mark = markOf(user);
  const now = await users.guest();
  const disabled = user.disabled || rights.isUnclear;
  const isSame = now.basePath === rights.basePath && now.permission === rights.permission && now.disabled === disabled;
  if (isSame || imported.has("user", user.username, mark)) return remark("user", user.username, "same");
  return {
    mark,
    row: {
      what: "user",
      name: user.username,
      outcome: "replace",
      ...notes(!disabled && "strangers are let in", rights.note),
    },
    async apply() {
      const { basePath, permission } = rights;
      await users.update(now.id, { name: GUEST_NAME, basePath, permission, disabled });
      return undefined;
    },
  };
}

async function userStep(
  user: DumpedUser,
  rights: ImportedRights,
  freed: string | undefined,
  parts: UserParts,
): Promise<Step> {
  const { users, imported } = parts;
  const name = user.username;
  const mark = markOf(user);
  const existing = name === freed ? undefined : await users.credential(name);
  const input: UserInput = {
    name,
    basePath: rights.basePath,
    permission: rights.permission,
    disabled: user.disabled || rights.isUnclear,
  };
  const said = notes(
    user.role.includes(ROLE.admin) && "has all rights, but administers nothing: here one user does",
    rights.note,
    secondFactor(user),
    beside(user),
    !hasPassword(user) && `no password in the file: set one with "pandav user passwd ${name}"`,
  );
  if (existing && imported.has("user", name)) {
    // A backup was imported first, which has no passwords.
    if (existing.stored === NO_PASSWORD && hasPassword(user)) {
      const { id, basePath, permission, disabled } = existing.user;
      return {
        mark,
        row: { what: "user", name, outcome: "replace", ...notes("the password that was missing", secondFactor(user)) },
        async apply() {
          await users.update(id, { name, basePath, permission, disabled }, await passwordOf(user));
          await parts.adoptLogins?.(id);
          return undefined;
        },
      };
    }
    if (!hasPassword(user) || imported.has("user", name, mark)) return remark("user", name, "same");
  }
  if (existing) return taken(name);
  return {
    mark,
    row: { what: "user", name, outcome: "add", ...said },
    async apply() {
      const { id } = await users.create(input, await passwordOf(user));
      await parts.adoptLogins?.(id);
      return undefined;
    },
  };
}

function taken(name: string): Step {
  const remedy = `remove that one ("pandav user remove ${name}") or rename it, and import again`;
  return remark("user", name, "conflict", `there is a user of that name: ${remedy}`);
}

function hasPassword(user: DumpedUser): boolean {
  return user.pwd_hash !== "" || user.password !== "";
}

/** As that server kept it: the salted hash (alist-api.md §4.2), of old versions the password itself, in backups nothing. */
async function passwordOf({ pwd_hash, salt, pwd_ts, password, otp_secret }: DumpedUser): Promise<KeptPassword> {
  if (otp_secret !== "" && !isTotpSecret(otp_secret)) {
    const remedy = "take it away there, and import again";
    throw new StorageError("invalid-config", `the second factor cannot be read: ${remedy}`);
  }
  const rest = { changedAt: pwd_ts, ...(otp_secret !== "" && { totp: otp_secret }) };
  if (/^[0-9a-f]{64}$/i.test(pwd_hash) && !salt.includes("$")) return { stored: alistStored(pwd_hash, salt), ...rest };
  if (password !== "") return { stored: await hashPassword(staticHash(password)), ...rest };
  return { stored: NO_PASSWORD, ...rest };
}

function markOf({ username, salt }: DumpedUser): string {
  return `${username} ${salt}`;
}

function secondFactor(user: DumpedUser): string | false {
  return (
    user.otp_secret !== "" &&
    "keeps the second factor: file clients need a token in the password's place (pandav token add)"
  );
}

function beside({ sso_id, authn }: DumpedUser): string | false {
  const lost = [sso_id !== "" && "single sign-on", /\w/.test(authn) && "security keys"].filter(Boolean);
  return lost.length > 0 && `not taken: ${lost.join(" and ")}, which this server does not know`;
}
