/** What a user of another server may do, in our terms: one folder, and one set of rights in it. */
import { isWithin, parsePath } from "#drivers/contract/path.ts";
import { ALL_BITS, MOST_BITS } from "../auth/permission-bits.ts";
import type { DumpedRole, DumpedUser } from "./dump.ts";

/** Ids of the two roles that every dialect has (alist-api.md §1). */
export const ROLE = { guest: 1, admin: 2 } as const;

/** Bits that mean the same in every dialect (alist-api.md §4.7); the next ones are others in dialect A. */
const COMMON_BITS = (1 << 14) - 1;
/** Dialect A: only paths of one's own roles are seen. */
const PATHS_OF_ROLES_ONLY = 1 << 14;

export interface ImportedRights {
  readonly basePath: string;
  readonly permission: number;
  /** True where what he may see cannot be said here: he must not see more. */
  readonly isUnclear: boolean;
  readonly note?: string;
}

/** Never more than he had. `roles` is empty for servers without roles of their own. Throws PathError. */
export function rightsOf(user: DumpedUser, roles: readonly DumpedRole[]): ImportedRights {
  const basePath = parsePath(user.base_path || "/");
  if (user.role.includes(ROLE.admin)) return { basePath, permission: ALL_BITS, isUnclear: false };
  if (roles.length === 0) return { basePath, permission: user.permission & MOST_BITS, isUnclear: false };
  const scopes = roles
    .filter(({ id }) => user.role.includes(id))
    .flatMap(({ raw_permission, permission_scopes }) => permission_scopes ?? raw_permission ?? [])
    .map(({ path, permission }) => ({ path: parsePath(path || "/"), permission }));
  const around = scopes.filter(({ path }) => isWithin(basePath, path));
  const inside = scopes.filter(({ path }) => path !== basePath && isWithin(path, basePath));
  const [only, ...others] = inside;
  if (around.length === 0 && scopes.some(({ permission }) => permission & PATHS_OF_ROLES_ONLY)) {
    if (!only || others.length > 0) {
      const note =
        "his roles let him see some folders only, and a user here has one: set his base path, and enable him";
      return { basePath, permission: 0, isUnclear: true, note };
    }
    return {
      basePath: only.path,
      permission: only.permission & COMMON_BITS,
      isUnclear: false,
      note: `base path ${only.path}, that of his role`,
    };
  }
  const permission = around.reduce((bits, one) => bits | one.permission, 0) & COMMON_BITS;
  const lost = inside.filter((one) => (one.permission & COMMON_BITS & ~permission) !== 0).map(({ path }) => path);
  const note =
    lost.length > 0 &&
    `the rights that his roles give in ${lost.join(", ")} alone are not taken: a user here has one set of rights`;
  return { basePath, permission, isUnclear: false, ...(note && { note }) };
}
