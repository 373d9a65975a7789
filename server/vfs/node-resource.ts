/** Resources made from tree nodes, and those that only the mount table knows. */
import type { Hashes } from "#drivers/contract/mount.ts";
import { joinPath, nameOf } from "#drivers/contract/path.ts";
import type { PendingFailure } from "./pending/record.ts";
import type { DeadProperty } from "./properties/dead-properties.ts";
import type { Remembered } from "./properties/remembered.ts";
import type { Resource } from "./resource.ts";
import type { TreeNode } from "./tree/tree.ts";

/** What a resource must know of its mount. */
export interface MountFacts {
  readonly id: number;
  readonly mountPath: string;
  /** What is remembered of a node beside what the storage says; undefined for most. */
  remembered(node: TreeNode): Remembered | undefined;
  /** What the upload of a file that waits here has failed with. */
  pendingFailure(node: TreeNode): PendingFailure | undefined;
}

/** A node at a path. Its path and etag are made when somebody asks: most fields of most entries are never read. */
export class NodeResource implements Resource {
  readonly node: TreeNode;
  readonly #mount: MountFacts;
  readonly #parentPath: string;

  constructor(node: TreeNode, mount: MountFacts, parentPath: string) {
    this.node = node;
    this.#mount = mount;
    this.#parentPath = parentPath;
  }

  get path(): string {
    return this.isMountPoint ? this.#mount.mountPath : joinPath(this.#parentPath, this.node.name);
  }
  get name(): string {
    return this.isMountPoint ? nameOf(this.#mount.mountPath) : this.node.name;
  }
  get kind(): "file" | "directory" {
    return this.node.kind;
  }
  get size(): number | undefined {
    return this.node.size;
  }
  get sizeIs(): "exact" | "about" | undefined {
    return this.node.sizeIs;
  }
  get modifiedAt(): number | undefined {
    return this.#mount.remembered(this.node)?.modifiedAt ?? this.node.modifiedAt;
  }
  get createdAt(): number | undefined {
    return this.node.createdAt;
  }
  get hashes(): Hashes | undefined {
    const remembered = this.#mount.remembered(this.node)?.hashes;
    return remembered ? { ...remembered, ...this.node.hashes } : this.node.hashes;
  }
  get etag(): string | undefined {
    return this.#mount.remembered(this.node)?.etag ?? etagOf(this.node);
  }
  get key(): number {
    return this.node.n;
  }
  get mountPath(): string {
    return this.#mount.mountPath;
  }
  get isMountPoint(): boolean {
    return this.node.parentN === 0;
  }
  get properties(): readonly DeadProperty[] | undefined {
    return this.#mount.remembered(this.node)?.properties;
  }
  get pending(): boolean {
    return this.node.pending;
  }
  get failure(): PendingFailure | undefined {
    return this.node.pending ? this.#mount.pendingFailure(this.node) : undefined;
  }
}

/** What was found at a path, as the fronts see it. */
export function resourceOf(found: {
  readonly node: TreeNode;
  readonly storage: MountFacts;
  readonly parentPath: string;
}): NodeResource {
  return new NodeResource(found.node, found.storage, found.parentPath);
}

/** A directory that exists because mounts lie below it, or a mount that has not shown its root yet. */
export function virtualResource(path: string, modifiedAt: number | undefined): Resource {
  return { path, name: nameOf(path), kind: "directory", modifiedAt, key: 0, isMountPoint: true, pending: false };
}

/** A strong etag that stays the same while the content does (RFC 9110 §8.8.3); undefined for directories. */
function etagOf({ kind, n, size, version, modifiedAt }: TreeNode): string | undefined {
  if (kind === "directory") return undefined;
  // The node's key is ours and never used twice, so that two files never share an etag. The upstream's version stays inside: a digest of it leaves.
  const content = version === undefined ? String(modifiedAt ?? "") : digest(version);
  return `"${n.toString(36)}-${content}-${size === undefined ? "" : size.toString(36)}"`;
}

/**
 * 64 bits of a text in base 36: FNV-1a in two lanes of 32 bits with different multipliers. No secret is kept by it and nobody gains by a
 * collision, so it is quick rather than cryptographic: listings make one per entry.
 */
function digest(text: string): string {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x2c1b3c6d);
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36).padStart(7, "0");
}
