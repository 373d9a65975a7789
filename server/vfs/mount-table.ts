/** Which storage holds a path: the longest mount path that is a prefix wins, and mounts may lie inside each other. */
import { isWithin, nameOf, parentOf, splitPath } from "#drivers/contract/path.ts";
import type { MountedStorage } from "./mounted-storage.ts";

export interface Match {
  readonly storage: MountedStorage;
  /** The names below the mount's root. */
  readonly rest: readonly string[];
}

export class MountTable {
  #storages: readonly MountedStorage[] = [];
  #epoch = 0;

  /** Grows with every change of the table: what was remembered of directories with mounts inside is void then. */
  get epoch(): number {
    return this.#epoch;
  }

  all(): readonly MountedStorage[] {
    return this.#storages;
  }

  add(storage: MountedStorage): void {
    // Longest first, so that the first match is the right one.
    this.#storages = [...this.#storages, storage].sort((a, b) => b.mountPath.length - a.mountPath.length);
    this.#epoch++;
  }

  delete(id: number): MountedStorage | undefined {
    const storage = this.get(id);
    this.#storages = this.#storages.filter((other) => other !== storage);
    this.#epoch++;
    return storage;
  }

  get(id: number): MountedStorage | undefined {
    return this.#storages.find((storage) => storage.id === id);
  }

  match(path: string): Match | undefined {
    for (const storage of this.#storages) {
      if (!isWithin(path, storage.mountPath)) continue;
      const rest = storage.mountPath === "/" ? path : path.slice(storage.mountPath.length);
      return { storage, rest: rest === "" ? [] : splitPath(rest) };
    }
    return undefined;
  }

  /** True when a mount point lies strictly below the path. */
  hasBelow(path: string): boolean {
    return this.#storages.some((storage) => storage.mountPath !== path && isWithin(storage.mountPath, path));
  }

  /** The names directly below a path that are mount points or lead to one, with the storage where it is one. */
  below(path: string): ReadonlyMap<string, MountedStorage | undefined> {
    const names = new Map<string, MountedStorage | undefined>();
    for (const storage of this.#storages) {
      if (storage.mountPath === path || !isWithin(storage.mountPath, path)) continue;
      let child = storage.mountPath;
      while (parentOf(child) !== path) child = parentOf(child);
      const name = nameOf(child);
      if (child === storage.mountPath) names.set(name, storage);
      else if (!names.has(name)) names.set(name, undefined);
    }
    return names;
  }
}
