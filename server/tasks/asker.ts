/** With whose rights a task runs: those that the asker had when he asked, as far as his user still has them. */
import { StorageError } from "#drivers/contract/errors.ts";
import { isWithin } from "#drivers/contract/path.ts";
import type { Permissions, Rights } from "../auth/permissions.ts";
import type { User, Users } from "../auth/users.ts";

/** What is kept of who asked; a token may allow less than its user may. */
export interface Asker {
  readonly userId: number;
  readonly creator: string;
  readonly role: User["role"];
  readonly basePath: string;
  readonly permission: number;
}

export function askerOf({ id, name, role, basePath, permission }: User): Asker {
  return { userId: id, creator: name, role, basePath, permission };
}

/** What somebody may do in a task: passwords of folders are not kept, so that they open nothing here. */
export function rightsOf(permissions: Permissions, user: User): Rights {
  return permissions.of(user, { front: "api" });
}

/** The asker as he was. */
export function askerThen({ userId, creator, role, basePath, permission }: Asker): User {
  return { id: userId, name: creator, role, basePath, permission, disabled: false, passwordChangedAt: 0 };
}

/** The asker as he is now. Throws `permission-denied` where he is gone, disabled, or sees another folder than then. */
export async function askerNow(users: Pick<Users, "get">, asker: Asker): Promise<User> {
  const user = await users.get(asker.userId);
  if (!user || user.disabled) {
    throw new StorageError("permission-denied", `the user ${asker.creator}, who asked for it, is gone or disabled`);
  }
  if (!isWithin(asker.basePath, user.basePath)) {
    throw new StorageError("permission-denied", `the user ${asker.creator}, who asked for it, sees another folder now`);
  }
  // Administrators may everything, whatever their bits say.
  const bits = user.role === "admin" ? asker.permission : user.permission & asker.permission;
  const role = asker.role === "admin" ? user.role : asker.role;
  return { ...user, role, basePath: asker.basePath, permission: role === "admin" ? user.permission : bits };
}
