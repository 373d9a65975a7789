/** What can be said of a user, and what must stay true of the two that always exist. */
import { StorageError } from "#drivers/contract/errors.ts";
import { parsePath } from "#drivers/contract/path.ts";
import { MOST_BITS } from "./permission-bits.ts";
import type { User, UserInput } from "./users.ts";

/** Longest user name, in characters. */
const MAX_NAME = 64;

/** The row of what was said. Throws `invalid-config` naming the field, and PathError. */
export function checkUser({ name, basePath, permission, disabled }: UserInput) {
  // Basic parts name and password at the first colon (RFC 7617 §2).
  if (
    name === "" ||
    name !== name.trim() ||
    name.length > MAX_NAME ||
    /[:\p{Cc}]/u.test(name) ||
    !name.isWellFormed()
  ) {
    throw new StorageError(
      "invalid-config",
      `the name of a user has 1 to ${MAX_NAME} characters, no colon, and no space around it`,
    );
  }
  if (!Number.isInteger(permission) || permission < 0 || permission > MOST_BITS) {
    throw new StorageError("invalid-config", `permission is a whole number from 0 to ${MOST_BITS}`);
  }
  return { name, base_path: parsePath(basePath), permission, disabled: Number(disabled) };
}

/** Refuses to take from the two accounts that always exist what they must keep: without them nobody could administer, and nobody would know who a stranger is. Throws `permission-denied`. */
export function demandKept(old: User, values: ReturnType<typeof checkUser>): void {
  const refuse = (what: string) => {
    throw new StorageError("permission-denied", what);
  };
  if (old.role === "guest" && values.name !== old.name) refuse("the guest cannot be renamed");
  if (old.role !== "admin") return;
  if (values.disabled !== 0) refuse("admin user can not be disabled");
  if (values.base_path !== "/" || values.permission !== old.permission) refuse("the admin has all rights everywhere");
}
