/** What the steps of a copy or move between storages share: its ends, and the filesystem as its asker may use it. */

import { z } from "zod";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import { isWithin, joinPath, parentOf } from "#drivers/contract/path.ts";
import { AuthError } from "../../auth/auth-error.ts";
import type { Rights } from "../../auth/permissions.ts";
import type { Vfs } from "../../vfs/api.ts";
import { withOwnLocks } from "../../vfs/locks/own-locks.ts";
import { permitted } from "../../vfs/permitted.ts";
import type { Resource } from "../../vfs/resource.ts";
import { toFailure } from "../failure.ts";
import type { TaskRun } from "../kind.ts";

export const transferInput = z.object({
  from: z.string().startsWith("/"),
  /** The new path itself, not the directory around it. */
  to: z.string().startsWith("/"),
  /** What becomes of files that are there already and differ; directories are entered. `fail`: nothing may be there. */
  conflict: z.enum(["fail", "replace", "skip"]),
  /** Only finds out what would go which way. */
  planOnly: z.boolean().optional(),
});
export type TransferInput = z.output<typeof transferInput>;

export type How = "copy" | "move";

/** One run of a transfer. */
export interface Transfer extends TransferInput {
  readonly how: How;
  readonly run: TaskRun;
  /** As the asker may use it: what is hidden from him is not there. */
  readonly shown: Vfs;
  /** With his locks, and nothing else asked of him: every use of it is asked for with `demand`. */
  readonly whole: Vfs;
  /** Throws AuthError 403 unless he may bring what is below `from` to where it goes; `""` is the top. */
  demand(inside: string): void;
  source(inside: string): string;
  target(inside: string): string;
}

/** Throws as `demandTransfer`. */
export function beginTransfer(vfs: Vfs, how: How, input: TransferInput, run: TaskRun): Transfer {
  const { rights } = run;
  const below = (top: string) => (inside: string) => (inside === "" ? top : `${top}/${inside}`);
  const [source, target] = [below(input.from), below(input.to)];
  return {
    ...input,
    how,
    run,
    shown: withOwnLocks(permitted(vfs, rights), rights.user.id),
    whole: withOwnLocks(vfs, rights.user.id),
    demand: (inside) => rights.demandTransfer(how, source(inside), target(inside)),
    source,
    target,
  };
}

/** Throws AuthError 403 and `permission-denied` for what may not be moved or copied at all, and `not-found` where no storage holds one of the ends. */
export async function demandTransfer(
  vfs: Vfs,
  how: How,
  { from, to }: TransferInput,
  rights: Rights,
  signal: AbortSignal,
): Promise<void> {
  rights.demandTransfer(how, from, to);
  for (const path of how === "move" ? [from, to] : [to]) {
    if (path === rights.user.basePath) {
      throw new StorageError("permission-denied", "the root cannot be moved or replaced", { path });
    }
  }
  if (isWithin(to, from) || isWithin(from, to)) {
    throw new StorageError("permission-denied", "one of the two lies inside the other, or they are the same", {
      path: to,
    });
  }
  for (const path of [from, to]) refuseMounts(vfs, path);
  await vfs.way(how, from, to).catch((error: unknown) => {
    // A storage that does not answer now may when it is tried again.
    if (toFailure(error).class === "permanent") throw error;
  });
  if (!rights.wouldShow(from, to)) return;
  const source = await statOrNothing(vfs, from, signal);
  if (source?.kind === "directory") {
    throw new AuthError(403, "permission denied: it may hold names that are hidden from you");
  }
}

/** Mount points, and what contains one, are not copied or moved with the files around them. */
function refuseMounts(vfs: Vfs, path: string): void {
  const mount = vfs.storages.list().find(({ disabled, mountPath }) => !disabled && isWithin(mountPath, path));
  if (!mount) return;
  throw new StorageError("permission-denied", `${path} is or contains a mount point`, { path, reason: "mount-inside" });
}

/** What is at a path; undefined where the storage says that nothing is. */
export async function statOrNothing(vfs: Vfs, path: string, signal: AbortSignal): Promise<Resource | undefined> {
  try {
    return await vfs.stat(path, { signal, priority: "background" });
  } catch (error) {
    if (kindOf(error) === "not-found") return undefined;
    throw error;
  }
}

/** Lists a directory anew, whatever is known of it; one that is missing is left to who asks for its files. Throws `unavailable` where only an old listing is to be had. */
export async function listAgain(
  { whole, run: { signal } }: Pick<Transfer, "whole" | "run">,
  path: string,
): Promise<void> {
  try {
    const listing = await whole.list(path, { signal, refresh: "always", priority: "background" });
    if (listing.staleSeconds === undefined) return;
  } catch (error) {
    if (kindOf(error) === "not-found") return;
    throw error;
  }
  throw new StorageError("unavailable", `${path} cannot be listed now`, { retryable: true });
}

/** How exactly the coarser of the two ends keeps times, in milliseconds. */
export function precisionOf({ whole, from, to }: Pick<Transfer, "whole" | "from" | "to">): number {
  const [one, other] = [from, to].map((path) => whole.capabilities(path)?.traits.modifiedAtPrecisionMs ?? 0);
  return Math.max(one!, other!);
}

/** Makes the directory that the top goes into, with those around it. */
export async function makeParents(t: Transfer): Promise<void> {
  const { whole, run } = t;
  const { signal } = run;
  const missing: string[] = [];
  for (let at = parentOf(t.to); (await statOrNothing(whole, at, signal)) === undefined; at = parentOf(at))
    missing.push(at);
  for (const path of missing.reverse()) {
    run.rights.demandVerb("write", path);
    await whole.makeDirectory(path, { signal }).catch((error: unknown) => {
      if (kindOf(error) !== "already-exists") throw error;
    });
  }
}

/** A path below another. */
export function inside(directory: string, name: string): string {
  return directory === "" ? name : joinPath(`/${directory}`, name).slice(1);
}
