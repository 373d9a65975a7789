/** What is behind a share: the files that were named, as far as their owner may still read them, and nothing beside them. */
import { StorageError } from "#drivers/contract/errors.ts";
import { isWithin, joinPath, nameOf, parsePath, splitPath } from "#drivers/contract/path.ts";
import type { Permissions } from "../auth/permissions.ts";
import type { Share, ShareProof, Shares } from "../auth/shares.ts";
import type { Users } from "../auth/users.ts";
import type { Vfs } from "./api.ts";
import { permitted } from "./permitted.ts";

export interface SharedFilesParts {
  readonly vfs: Vfs;
  readonly shares: Pick<Shares, "open">;
  readonly users: Pick<Users, "get">;
  readonly permissions: Permissions;
}

/** A place in a share. */
export interface SharedPlace {
  readonly share: Share;
  /** The filesystem as the share's owner may use it. */
  readonly vfs: Vfs;
  /** The full path; undefined for the share's own root where that is no directory but a list of what was shared. */
  readonly path: string | undefined;
}

/**
 * The place that a visitor means by a path inside a share. Throws as `Shares.open`, `not-found` where nothing of that name was shared and where the share's owner is gone or
 * disabled, AuthError 403 where he may not read it any more, PathError.
 */
export async function openShared(
  { vfs, shares, users, permissions }: SharedFilesParts,
  asked: { readonly id: string; readonly proof: ShareProof; readonly inside: string; readonly address: string },
  signal: AbortSignal,
): Promise<SharedPlace> {
  const share = await shares.open(asked.id, asked.proof, asked.address);
  const owner = await users.get(share.userId);
  if (!owner || owner.disabled) throw new StorageError("not-found", "the share has expired or is no longer valid");
  const rights = permissions.of(owner, { front: "api", address: asked.address });
  const own = permitted(vfs, rights);
  const path = await placeOf(own, share, parsePath(asked.inside), signal);
  if (path !== undefined) rights.demand("read", path);
  return { share, vfs: own, path };
}

async function placeOf(vfs: Vfs, share: Share, inside: string, signal: AbortSignal): Promise<string | undefined> {
  const segments = splitPath(inside);
  const [only, ...others] = share.files;
  // A directory that is shared alone is the share's root itself.
  if (only !== undefined && others.length === 0 && (await vfs.stat(only, { signal })).kind === "directory") {
    return inPlace(only, segments);
  }
  const [first, ...rest] = segments;
  if (first === undefined) return undefined;
  const named = share.files.find((file) => nameOf(file) === first);
  if (named === undefined) throw new StorageError("not-found", `the share holds no "${first}"`);
  return inPlace(named, rest);
}

function inPlace(root: string, segments: readonly string[]): string {
  const path = segments.reduce(joinPath, root);
  if (!isWithin(path, root)) throw new StorageError("not-found", "that is not in the share");
  return path;
}
