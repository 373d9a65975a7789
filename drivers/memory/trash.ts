/** The recycle bin of a memory mount: what was removed, with where it was. */
import type { DriverEnv } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { BatchOutcome, Trash, TrashedEntry } from "../contract/mount.ts";
import type { Traits } from "../contract/traits.ts";
import { findPlace } from "./placing.ts";
import { type MemoryNode, type MemoryStore, toEntry } from "./store.ts";

/** A bin, and the way into it. */
export interface MemoryTrash {
  readonly trash: Trash;
  /** Takes a node with all below it out of the tree. */
  throwAway(node: MemoryNode): void;
}

interface Kept {
  readonly entry: TrashedEntry;
  readonly node: MemoryNode;
}

/** An empty bin beside a store. Items go back to where they were, under another name where theirs is taken. */
export function createMemoryTrash(
  store: MemoryStore,
  traits: Traits,
  pageSize: number,
  env: Pick<DriverEnv, "clock">,
): MemoryTrash {
  const kept = new Map<string, Kept>();

  function restore({ node, entry }: Kept): BatchOutcome {
    const parent = directoryAt((entry.originalPath ?? []).slice(0, -1));
    const { name } = findPlace(store, traits, parent, node.name, node.kind, "rename");
    store.putBack(node, parent, name);
    kept.delete(entry.id);
    return { entry: toEntry(node) };
  }

  /** Directories that are gone meanwhile are made again. */
  function directoryAt(path: readonly string[]): MemoryNode {
    return path.reduce((parent, name) => {
      const there = store.named(parent, name)[0];
      if (there?.kind === "directory") return there;
      const place = findPlace(store, traits, parent, name, "directory", "rename");
      return store.add(parent, place.name, "directory", env.clock.now());
    }, store.root);
  }

  function each(ids: readonly string[], act: (item: Kept) => BatchOutcome): BatchOutcome[] {
    return ids.map((id) => {
      const item = kept.get(id);
      if (item) return act(item);
      return { error: new StorageError("not-found", "the recycle bin has no such item") };
    });
  }

  return {
    throwAway(node) {
      const originalPath = pathOf(node);
      const size = node.kind === "file" ? { size: node.content.length } : {};
      const { name, kind } = node;
      const entry: TrashedEntry = { id: node.id, name, kind, ...size, removedAt: env.clock.now(), originalPath };
      store.takeOut(node);
      kept.set(node.id, { entry, node });
    },
    trash: {
      async *list({ signal }) {
        const all = [...kept.values()].map(({ entry }) => entry);
        for (let at = 0; at < all.length; at += pageSize) {
          signal.throwIfAborted();
          yield all.slice(at, at + pageSize);
        }
      },
      async restore(ids, { signal }) {
        signal.throwIfAborted();
        return each(ids, restore);
      },
      async purge(ids, { signal }) {
        signal.throwIfAborted();
        return each(ids, ({ entry }) => {
          kept.delete(entry.id);
          return {};
        });
      },
      async empty({ signal }) {
        signal.throwIfAborted();
        kept.clear();
      },
    },
  };
}

function pathOf(node: MemoryNode): readonly string[] {
  return node.parent ? [...pathOf(node.parent), node.name] : [];
}
