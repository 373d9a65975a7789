/** A tree in a temporary folder, with a clock and log that tests read. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import type { Entry } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { openStore, type Store } from "#server/store/store.ts";
import { openTree } from "#server/vfs/tree/open.ts";
import type { DirectoryState, MountTree, Tree, TreeNode } from "#server/vfs/tree/tree.ts";

export const STABLE: Traits = { ids: "stable", names: {}, hashes: ["sha1"], replace: "atomic", collision: "error" };
export const PATHS: Traits = { ...STABLE, ids: "path" };

/** A clock that stands still until a test turns it; `sleep` ends only by its signal, so that nothing sweeps by itself. */
export class ManualClock implements Clock {
  time = 1_000_000;

  now(): number {
    return this.time;
  }

  sleep(_ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }
}

export interface OpenedTree extends AsyncDisposable {
  readonly dir: string;
  readonly clock: ManualClock;
  readonly warnings: { fields: Readonly<Record<string, unknown>>; message: string }[];
  store: Store;
  tree: Tree;
  /** Closes and opens the same files again. */
  reopen(): Promise<void>;
}

/** Opens a tree in a folder of its own, which goes away with it. */
export async function openTestTree(dir?: string): Promise<OpenedTree> {
  const folder = dir ?? (await mkdtemp(join(tmpdir(), "pandav-tree-")));
  const clock = new ManualClock();
  const warnings: OpenedTree["warnings"] = [];
  const log: Log = { debug() {}, info() {}, warn: (fields, message) => void warnings.push({ fields, message }) };
  const open = async () => {
    const store = await openStore(folder);
    return { store, tree: await openTree({ store, clock, log }) };
  };
  const opened: OpenedTree = {
    dir: folder,
    clock,
    warnings,
    ...(await open()),
    async reopen() {
      await opened.tree.close();
      await opened.store.close();
      Object.assign(opened, await open());
    },
    async [Symbol.asyncDispose]() {
      await opened.tree.close();
      await opened.store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return opened;
}

export function file(name: string, more: Partial<Entry> = {}): Entry {
  return { id: `id-${name}`, name, kind: "file", size: 1, modifiedAt: 5, ...more };
}

export function directory(name: string, more: Partial<Entry> = {}): Entry {
  return { id: `id-${name}`, name, kind: "directory", ...more };
}

export const ROOT: Entry = { id: "", name: "", kind: "directory" };

/** Lists a directory whole, in pages. */
export async function list(
  mount: MountTree,
  node: TreeNode,
  startedAt: number,
  ...pages: readonly (readonly Entry[])[]
): Promise<{ readonly changed: boolean; readonly state: DirectoryState }> {
  const staging = await mount.stage(node, startedAt);
  for (const page of pages) await staging.add(page);
  return staging.commit();
}

/** The visible names of a directory, read through `children`. */
export function names(mount: MountTree, node: TreeNode): string[] {
  return (mount.children(node) ?? []).map((child) => child.name);
}
