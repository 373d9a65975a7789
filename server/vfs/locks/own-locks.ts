/** The filesystem of a caller who names no lock tokens: by the API, the panel or the command line he counts as holding all locks that he took himself. */
import type { Vfs } from "../api.ts";
import type { TrashBins } from "../trashing.ts";
import type { LockHolder } from "./lock.ts";

/** The changes of the vfs, with the place of their options. */
const OPTIONS_AT = {
  write: 2,
  gather: 2,
  makeDirectory: 1,
  remove: 1,
  removeAll: 1,
  move: 2,
  copy: 2,
  setModifiedAt: 2,
  patchProperties: 2,
} as const satisfies Partial<Record<keyof Vfs, number>>;

/** A vfs whose every change is asked for by that user. What somebody else has locked is refused to him, whatever his role (kind `locked`). */
export function withOwnLocks(vfs: Vfs, userId: number): Vfs {
  const holder: LockHolder = { userId, tokens: "own" };
  return new Proxy(vfs, {
    get(target, key) {
      if (key === "trash") return binsOf(target.trash, holder);
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      const at = OPTIONS_AT[key as keyof typeof OPTIONS_AT];
      return (...args: unknown[]) => {
        const given = at === undefined ? args : args.with(at, { holder, ...(args[at] as object) });
        return value.apply(target, given) as unknown;
      };
    },
  });
}

function binsOf(bins: TrashBins, holder: LockHolder): TrashBins {
  return {
    list: (path, o) => bins.list(path, o),
    restore: (path, asked, o) => bins.restore(path, asked, { holder, ...o }),
    purge: (path, asked, o) => bins.purge(path, asked, o),
    empty: (path, o) => bins.empty(path, o),
  };
}
