/** Resources made from tree nodes, and those that only the mount table knows. */
import { hash } from "node:crypto";
import type { Hashes } from "#drivers/contract/mount.ts";
import { joinPath, nameOf } from "#drivers/contract/path.ts";
import type { Resource } from "./resource.ts";
import type { TreeNode } from "./tree/tree.ts";

/** What a resource must know of its mount. */
export interface MountFacts {
  readonly id: number;
  readonly mountPath: string;
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
    return this.node.modifiedAt;
  }
  get createdAt(): number | undefined {
    return this.node.createdAt;
  }
  get hashes(): Hashes | undefined {
    return this.node.hashes;
  }
  get etag(): string | undefined {
    return etagOf(this.node, this.#mount.id);
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
  get pending(): boolean {
    return this.node.pending;
  }
}

/** A directory that exists because mounts lie below it, or a mount that has not shown its root yet. */
export function virtualResource(path: string, modifiedAt: number | undefined): Resource {
  return { path, name: nameOf(path), kind: "directory", modifiedAt, key: 0, isMountPoint: true, pending: false };
}

/** A strong etag that stays the same while the content does (RFC 9110 §8.8.3); undefined for directories. */
function etagOf(node: TreeNode, mountId: number): string | undefined {
  if (node.kind === "directory") return undefined;
  // The upstream's id and version stay inside: only a digest of them leaves.
  const facts = node.version ?? `${node.size ?? ""}\n${node.modifiedAt ?? ""}`;
  return `"${hash("md5", `${mountId}\n${node.id}\n${facts}`, "base64url")}"`;
}
