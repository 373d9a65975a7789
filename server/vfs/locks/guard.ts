/**
 * The one place that decides whether locks stand against a change. Every change of the vfs passes it, whatever front it came from (RFC 4918 §7):
 * each exclusive lock on what is changed needs its token, of shared ones one does, submitted by the user who took it.
 */
import { joinPath } from "#drivers/contract/path.ts";
import type { FoundNode } from "../lookup.ts";
import type { VfsOptions } from "../resource.ts";
import type { Coverage, Place } from "./coverage.ts";
import { type Lock, LockedError, type LockHolder } from "./lock.ts";

type Asking = Pick<VfsOptions, "holder">;

/** Every method throws LockedError, and does nothing else. */
export class LockGuard {
  readonly #coverage: Coverage;

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
  }

  /** Before content, time or properties of something change. */
  content(found: Place, o: Asking): void {
    this.#demand(this.#coverage.at(found), o);
  }

  /** Before something is made in a directory (RFC 4918 §7.4). */
  newMember(directory: Place, o: Asking): void {
    this.#demand(this.#coverage.at(directory), o);
  }

  /** Before a file of that visible name is stored: changed where it is there, else made. */
  write(directory: FoundNode, name: string, o: Asking): void {
    const isThere = directory.storage.tree.lookup(directory.node, name) !== undefined;
    if (isThere) this.content({ storage: directory.storage, inside: joinPath(directory.inside, name) }, o);
    else this.newMember(directory, o);
  }

  /** Before something goes, with all in it. */
  removal(found: FoundNode, o: Asking): void {
    this.#demand(this.#coverage.at(found), o);
    if (found.parent) this.#demand(this.#coverage.at(parentPlace(found)), o);
    this.#inside(found, o);
  }

  /** Before something comes into a directory in the place of what is there. */
  replacement(directory: FoundNode, existing: FoundNode | undefined, o: Asking): void {
    this.#demand(this.#coverage.at(directory), o);
    if (!existing) return;
    this.#demand(this.#coverage.at(existing), o);
    this.#inside(existing, o);
  }

  #inside(found: FoundNode, o: Asking): void {
    if (found.node.kind !== "directory") return;
    for (const place of this.#coverage.below(found)) {
      if (this.#coverage.rootedAt(place).length > 0) this.#demand(this.#coverage.at(place), o);
    }
  }

  #demand(locks: readonly Lock[], { holder }: Asking): void {
    if (locks.length === 0) return;
    const lacking = locks.filter((lock) => !isHeld(lock, holder));
    const exclusive = lacking.filter(({ scope }) => scope === "exclusive");
    const shared = locks.filter(({ scope }) => scope === "shared");
    const holdsShared = shared.some((lock) => isHeld(lock, holder));
    const against = exclusive.length > 0 || holdsShared ? exclusive : shared;
    const roots = against.flatMap((lock) => this.#coverage.toHeld(lock) ?? []);
    if (roots.length > 0) throw new LockedError("token", rootsOf(roots));
  }
}

/** What was locked, for whoever is refused. */
export function rootsOf(locks: readonly { root: string; rootKind: "file" | "directory" }[]): LockedError["roots"] {
  const kinds = new Map(locks.map(({ root, rootKind }) => [root, rootKind]));
  return [...kinds].map(([path, kind]) => ({ path, kind }));
}

function isHeld(lock: Lock, holder: LockHolder | undefined): boolean {
  if (holder?.userId !== lock.userId) return false;
  return holder.tokens === "own" || holder.tokens.includes(lock.token);
}

function parentPlace({ storage, inside }: FoundNode): Place {
  const cut = inside.lastIndexOf("/");
  return { storage, inside: cut <= 0 ? "/" : inside.slice(0, cut) };
}
