/** Which locks hold where: a resource's own, and those of infinite depth above it (RFC 4918 §6.1, §7.4). */
import { isWithin, joinPath, parentOf } from "#drivers/contract/path.ts";
import type { FoundNode, Lookup } from "../lookup.ts";
import type { MountTable } from "../mount-table.ts";
import type { MountedStorage } from "../mounted-storage.ts";
import type { HeldLock, Lock } from "./lock.ts";
import type { LockIndex } from "./lock-index.ts";

/** A path of a storage, whether or not anything is there. */
export interface Place {
  readonly storage: MountedStorage;
  /** The path inside the mount as stored, `/` for its root. */
  readonly inside: string;
}

const NONE: readonly Lock[] = [];

export interface CoverageOptions {
  readonly index: LockIndex;
  readonly table: MountTable;
  readonly lookup: Lookup;
  readonly now: () => number;
}

export class Coverage {
  readonly #o: CoverageOptions;

  constructor(options: CoverageOptions) {
    this.#o = options;
  }

  /** The locks that hold at a place. */
  at(place: Place): readonly Lock[] {
    if (this.#o.index.size === 0) return NONE;
    const locks = [...this.rootedAt(place)];
    for (let above = this.#above(place); above; above = this.#above(above)) {
      for (const lock of this.rootedAt(above)) if (lock.depth === "infinity") locks.push(lock);
    }
    return locks;
  }

  /** The locks whose root is that place. */
  rootedAt({ storage, inside }: Place): readonly Lock[] {
    return this.#o.index.at(storage.id, inside).filter((lock) => this.isTrue(lock, storage));
  }

  /** The places strictly below one where locks are rooted, mounts inside included. */
  *below({ storage, inside }: Place): Generator<Place> {
    if (this.#o.index.size === 0) return;
    const path = pathOf({ storage, inside });
    for (const other of this.#o.table.all()) {
      const isInside = other === storage || (other.mountPath !== path && isWithin(other.mountPath, path));
      if (!isInside) continue;
      const seen = new Set<string>();
      for (const lock of this.#o.index.within(other.id, other === storage ? inside : "/")) {
        if ((other === storage && lock.inside === inside) || seen.has(lock.inside)) continue;
        seen.add(lock.inside);
        yield { storage: other, inside: lock.inside };
      }
    }
  }

  /** The place of a path, in the names that are stored; undefined where no storage holds it. */
  placeOf(path: string): Place | undefined {
    const match = this.#o.table.match(path);
    if (!match) return undefined;
    const rest: string[] = [];
    for (let at = path; ; at = parentOf(at)) {
      const found = this.#o.lookup.known(at);
      if (found?.storage === match.storage) {
        return { storage: found.storage, inside: rest.reduceRight(joinPath, found.inside) };
      }
      if (at === match.storage.mountPath || at === "/") break;
      rest.push(at.slice(at.lastIndexOf("/") + 1));
    }
    return { storage: match.storage, inside: `/${match.rest.join("/")}` };
  }

  /** True while the lock's node is what lies at its path. */
  isTrue(lock: Lock, storage: MountedStorage): boolean {
    return this.#nodeOf(lock, storage)?.node.n === lock.n;
  }

  /** As fronts see it; undefined once it holds no more. */
  toHeld(lock: Lock): HeldLock | undefined {
    const storage = this.#o.table.get(lock.storageId);
    const found = storage && this.#nodeOf(lock, storage);
    if (!found || found.node.n !== lock.n) return undefined;
    const { token, scope, depth, owner, userId, expiresAt } = lock;
    const secondsLeft = Math.ceil((expiresAt - this.#o.now()) / 1000);
    if (secondsLeft <= 0) return undefined;
    return { token, scope, depth, owner, userId, root: found.path, rootKind: found.node.kind, secondsLeft };
  }

  #nodeOf(lock: Lock, storage: MountedStorage): FoundNode | undefined {
    const found = this.#o.lookup.known(pathOf({ storage, inside: lock.inside }));
    return found?.storage === storage ? found : undefined;
  }

  #above({ storage, inside }: Place): Place | undefined {
    if (inside !== "/") return { storage, inside: parentOf(inside) };
    if (storage.mountPath === "/") return undefined;
    const path = parentOf(storage.mountPath);
    const match = this.#o.table.match(path);
    return match && { storage: match.storage, inside: `/${match.rest.join("/")}` };
  }
}

/** The absolute path of a place. */
export function pathOf({ storage, inside }: Place): string {
  if (storage.mountPath === "/") return inside;
  return inside === "/" ? storage.mountPath : storage.mountPath + inside;
}
