/** What happens when a name is taken, in the variants that services show. */
import { StorageError } from "../contract/errors.ts";
import type { Conflict, Entry } from "../contract/mount.ts";
import type { Traits } from "../contract/traits.ts";
import { numberedName } from "../kit/names.ts";
import type { MemoryNode, MemoryStore } from "./store.ts";

export interface Place {
  readonly name: string;
  /** What has to go when the new entry is complete. */
  readonly replaced: readonly MemoryNode[];
}

/**
 * Where something called `name` goes in a directory; `self` is the node that moves, if one does.
 * Throws `already-exists`.
 */
export function findPlace(
  store: MemoryStore,
  traits: Pick<Traits, "replace" | "collision">,
  parent: MemoryNode,
  name: string,
  kind: Entry["kind"],
  conflict: Conflict,
  self?: MemoryNode,
): Place {
  const taken = store.named(parent, name).filter((node) => node !== self);
  if (taken.length === 0) return { name, replaced: [] };
  const rule = conflict === "replace" && traits.replace === "emulated" ? AS_SERVICE[traits.collision] : conflict;
  switch (rule) {
    case "fail":
      throw new StorageError("already-exists", `${name} exists already`);
    case "rename":
      return { name: freeName(store, parent, name, kind, self), replaced: [] };
    case "duplicate":
      return { name, replaced: [] };
    case "replace":
      return { name, replaced: taken };
  }
}

/** A service that cannot replace does what its trait `collision` says. */
const AS_SERVICE = { error: "fail", suffix: "rename", duplicate: "duplicate" } as const;

function freeName(
  store: MemoryStore,
  parent: MemoryNode,
  name: string,
  kind: Entry["kind"],
  self: MemoryNode | undefined,
): string {
  for (let n = 1; ; n++) {
    const candidate = numberedName(name, n, kind);
    if (store.named(parent, candidate).every((node) => node === self)) return candidate;
  }
}
