/** A tree of files in memory: what a storage service keeps, with ids that survive moves and renames. */
import { StorageError } from "../contract/errors.ts";
import type { Entry } from "../contract/mount.ts";

/** One file or directory. */
export interface MemoryNode {
  readonly id: string;
  parent: MemoryNode | undefined;
  name: string;
  readonly kind: Entry["kind"];
  /** A file's bytes; never changed in place. */
  content: Buffer;
  /** Lower-case hex; of files. */
  sha1: string;
  /** Milliseconds since the epoch. */
  modifiedAt: number;
  createdAt: number;
  /** Grows with every change of the content. */
  revision: number;
  readonly children: Set<MemoryNode>;
}

/** Files (text or bytes) and directories by name: what a store begins with. */
export interface SeedTree {
  readonly [name: string]: string | Uint8Array | SeedTree;
}

const NOTHING = Buffer.alloc(0);

/** The nodes of one tree. Ids are the prefix and a number that counts up. */
export class MemoryStore {
  readonly root: MemoryNode;
  readonly #nodes = new Map<string, MemoryNode>();
  readonly #idPrefix: string;
  #lastId = 0;
  #usedBytes = 0;

  /** `idPrefix` tells the ids of one store from those of another that is mounted later under the same name. */
  constructor(now = 0, idPrefix = "") {
    this.#idPrefix = idPrefix;
    this.root = this.#create(undefined, "", "directory", now);
  }

  /** Bytes of all files together. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The node with that id. Throws `not-found`. */
  get(id: string): MemoryNode {
    const node = this.#nodes.get(id);
    if (!node) throw new StorageError("not-found", "the entry does not exist");
    return node;
  }

  /** The directory with that id. Throws `not-found`, `not-a-directory`. */
  directory(id: string): MemoryNode {
    const node = this.get(id);
    if (node.kind !== "directory") throw new StorageError("not-a-directory", `${node.name} is a file`);
    return node;
  }

  /** The children with that name: several only where duplicate names are allowed. */
  named(directory: MemoryNode, name: string): readonly MemoryNode[] {
    return [...directory.children].filter((child) => child.name === name);
  }

  /** A new empty file or directory. */
  add(parent: MemoryNode, name: string, kind: Entry["kind"], now: number): MemoryNode {
    return this.#create(parent, name, kind, now);
  }

  /** Gives a file its content. */
  fill(file: MemoryNode, content: Buffer, sha1: string, modifiedAt: number): void {
    this.#usedBytes += content.length - file.content.length;
    Object.assign(file, { content, sha1, modifiedAt, revision: file.revision + 1 });
  }

  /** Hangs a node below another parent, under another name. */
  attach(node: MemoryNode, parent: MemoryNode, name: string): void {
    node.parent?.children.delete(node);
    node.parent = parent;
    node.name = name;
    parent.children.add(node);
  }

  /** Removes a node with all below it. */
  remove(node: MemoryNode): void {
    for (const child of [...node.children]) this.remove(child);
    node.parent?.children.delete(node);
    this.#nodes.delete(node.id);
    this.#usedBytes -= node.content.length;
  }

  /** Takes a node with all below it out of the tree; it keeps its content, and nobody finds it. */
  takeOut(node: MemoryNode): void {
    node.parent?.children.delete(node);
    node.parent = undefined;
    this.#each(node, (one) => {
      this.#nodes.delete(one.id);
      this.#usedBytes -= one.content.length;
    });
  }

  /** Hangs what was taken out below a directory again. */
  putBack(node: MemoryNode, parent: MemoryNode, name: string): void {
    this.attach(node, parent, name);
    this.#each(node, (one) => {
      this.#nodes.set(one.id, one);
      this.#usedBytes += one.content.length;
    });
  }

  #each(node: MemoryNode, act: (node: MemoryNode) => void): void {
    act(node);
    for (const child of node.children) this.#each(child, act);
  }

  #create(parent: MemoryNode | undefined, name: string, kind: Entry["kind"], now: number): MemoryNode {
    const node: MemoryNode = {
      id: `${this.#idPrefix}${++this.#lastId}`,
      parent,
      name,
      kind,
      content: NOTHING,
      sha1: "",
      modifiedAt: now,
      createdAt: now,
      revision: 1,
      children: new Set(),
    };
    this.#nodes.set(node.id, node);
    parent?.children.add(node);
    return node;
  }
}

/** True when `node` is `ancestor` or lies below it. */
export function liesWithin(node: MemoryNode, ancestor: MemoryNode): boolean {
  for (let at: MemoryNode | undefined = node; at; at = at.parent) if (at === ancestor) return true;
  return false;
}

/** The node as a listing shows it. */
export function toEntry(node: MemoryNode): Entry {
  const { id, name, kind, modifiedAt, createdAt } = node;
  if (kind === "directory") return { id, name, kind, modifiedAt, createdAt };
  return {
    id,
    name,
    kind,
    size: node.content.length,
    modifiedAt,
    createdAt,
    version: String(node.revision),
    hashes: { sha1: node.sha1 },
  };
}
