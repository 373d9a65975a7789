/** The filesystem that tells of every deletion that somebody asked for. */
import type { Vfs } from "./api.ts";
import type { VfsOptions } from "./resource.ts";
import type { TrashBins } from "./trashing.ts";

/** A deletion that has succeeded. */
export interface Deletion {
  readonly kind: "file.remove" | "trash.purge" | "trash.empty";
  /** A path; of a purge also what was named in the bin. */
  readonly subject: string;
  /** Undefined where no user asked. */
  readonly userId: number | undefined;
}

/** The same vfs. `tell` must not throw. */
export function recordingRemovals(vfs: Vfs, tell: (deletion: Deletion) => void): Vfs {
  const trash = recordingBins(() => vfs.trash, tell);
  const recording: Pick<Vfs, "remove" | "removeAll"> = {
    async remove(path, o) {
      await vfs.remove(path, o);
      tell({ kind: "file.remove", subject: path, userId: userOf(o) });
    },
    async removeAll(paths, o) {
      const removals = await vfs.removeAll(paths, o);
      removals.forEach(({ error }, i) => {
        if (error === undefined) tell({ kind: "file.remove", subject: paths[i]!, userId: userOf(o) });
      });
      return removals;
    },
  };
  // Methods are looked at with every request: each is bound once.
  const bound = new Map<PropertyKey, { readonly method: unknown; readonly bound: unknown }>();
  return new Proxy(vfs, {
    get(target, key) {
      if (key === "trash") return trash;
      if (key === "remove" || key === "removeAll") return recording[key];
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      let known = bound.get(key);
      if (known?.method !== value) {
        known = { method: value, bound: value.bind(target) };
        bound.set(key, known);
      }
      return known.bound;
    },
  });
}

function recordingBins(bins: () => TrashBins, tell: (deletion: Deletion) => void): TrashBins {
  return {
    list: (path, o) => bins().list(path, o),
    restore: (path, asked, o) => bins().restore(path, asked, o),
    async purge(path, asked, o) {
      const outcomes = await bins().purge(path, asked, o);
      for (const { asked: name, error } of outcomes) {
        if (error === undefined) tell({ kind: "trash.purge", subject: `${path}: ${name}`, userId: userOf(o) });
      }
      return outcomes;
    },
    async empty(path, o) {
      await bins().empty(path, o);
      tell({ kind: "trash.empty", subject: path, userId: userOf(o) });
    },
  };
}

function userOf(o: VfsOptions): number | undefined {
  return (o as { readonly holder?: { readonly userId: number } }).holder?.userId;
}
