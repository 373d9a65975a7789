/** The kind `delete`: many paths, or trees so large that nobody should wait for them. */

import { z } from "zod";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { Rights } from "../auth/permissions.ts";
import type { Vfs } from "../vfs/api.ts";
import { withOwnLocks } from "../vfs/locks/own-locks.ts";
import { permitted } from "../vfs/permitted.ts";
import { FailedForGood, toFailure } from "./failure.ts";
import type { TaskKind, TaskRun } from "./kind.ts";

const WORKERS = 2;
/** Paths in one call. */
const AT_ONCE = 100;

const deleteInput = z.object({
  paths: z.array(z.string().startsWith("/")).min(1).max(10_000),
  /** Default: into the recycle bin where the storage has one. */
  mode: z.enum(["trash", "permanent"]).optional(),
});
type DeleteInput = z.output<typeof deleteInput>;

/** Removes what lay at the paths when the task began: something else that has appeared there since stays. */
export function deleteKind(vfs: Vfs): TaskKind<DeleteInput> {
  const asAsker = (rights: Rights) => withOwnLocks(permitted(vfs, rights), rights.user.id);
  return {
    name: "delete",
    workers: WORKERS,
    input: deleteInput,
    describe: ({ paths }) => ({ from: paths[0]!, ...(paths.length > 1 && { count: paths.length }) }),
    async check({ paths }, rights) {
      for (const path of paths) {
        rights.demandVerb("remove", path);
        rights.demandWhole(path);
      }
    },
    async run(input, run) {
      const files = asAsker(run.rights);
      if (await run.items.isEmpty()) await note(input, files, run);
      run.step("removing");
      await remove(input, files, run);
      const [first] = await run.items.failed(1);
      if (first) throw new FailedForGood(first.kind ?? "upstream", first.message);
    },
  };
}

/** What is missing already needs no removing. */
async function note({ paths }: DeleteInput, files: Vfs, { items, signal }: TaskRun): Promise<void> {
  const found = [];
  for (const path of paths) {
    signal.throwIfAborted();
    const resource = await files.stat(path, { signal, priority: "background" }).catch((error: unknown) => {
      if (kindOf(error) === "not-found") return undefined;
      throw error;
    });
    const state = resource ? ("pending" as const) : ("skipped" as const);
    const facts = { size: resource?.size, etag: resource && String(resource.key) };
    found.push({
      path,
      kind: resource?.kind ?? "file",
      state,
      way: "bytes" as const,
      found: "nothing" as const,
      ...facts,
    });
  }
  await items.addFirst(found);
}

async function remove({ mode }: DeleteInput, files: Vfs, run: TaskRun): Promise<void> {
  const { items, signal } = run;
  let again: unknown;
  for (let after = 0; ; ) {
    const batch = await items.inState("pending", after, AT_ONCE);
    if (batch.length === 0) break;
    after = batch.at(-1)!.n;
    // The node's key, which is never used twice.
    const keys = new Set(batch.map(({ etag }) => etag));
    const paths = batch.map(({ path }) => path);
    const removals = await files.removeAll(paths, {
      ...{ signal, priority: "background", ...(mode && { mode }) },
      check: (existing) => {
        if (keys.has(String(existing.key))) return;
        throw new StorageError("precondition-failed", `${existing.path} is another one by now, and stays`);
      },
    });
    signal.throwIfAborted();
    const gone: number[] = [];
    for (const [i, { n }] of batch.entries()) {
      const error = removals[i]?.error;
      if (error === undefined || kindOf(error) === "not-found") gone.push(n);
      else {
        const failure = toFailure(error);
        if (failure.class === "permanent") await items.update(n, { state: "failed", failure });
        else again ??= error;
      }
    }
    await items.updateAll(gone, { state: "done" });
    if (gone.length > 0) run.cameFurther();
    run.progress(await items.totals());
  }
  if (again !== undefined) throw again;
}
