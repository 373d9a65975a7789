/** The directories and files of one space. */

/** What a file holds at one time. */
export interface FileData {
  /** Path of the object in the store. */
  readonly object: string;
  readonly size: number;
  readonly crc64: string | undefined;
  /** Without quotes. */
  readonly eTag: string;
  readonly contentType: string;
  readonly versionId: number;
  readonly writtenAt: number;
}

/** States of the content review: anything but 0 may block (sjtu-pan.md §3.2). */
export interface Audit {
  readonly virus?: number;
  readonly sensitive?: number;
  /** The code with which a download is refused. */
  readonly refusal?:
    | "FileContentIsLoading"
    | "FileContentNotAvailable"
    | "VirusFileNotAvailable"
    | "SensitiveContentRecognized";
}

export interface TreeNode {
  readonly id: number;
  parent: TreeNode | undefined;
  name: string;
  readonly createdAt: number;
  modifiedAt: number;
  /** Directories only. */
  readonly children: Map<string, TreeNode> | undefined;
  /** Files only. */
  file: FileData | undefined;
  /** Earlier contents, oldest first. */
  versions: FileData[];
  audit: Audit;
  /** Of a directory: counts what happened in it. */
  revision: number;
}

export interface FileNode extends TreeNode {
  file: FileData;
}

export interface DirectoryNode extends TreeNode {
  readonly children: Map<string, TreeNode>;
}

export function isFile(node: TreeNode | undefined): node is FileNode {
  return node?.file !== undefined;
}

export function isDirectory(node: TreeNode | undefined): node is DirectoryNode {
  return node?.children !== undefined;
}

export interface TreeOptions {
  /** A moment for a change: never before the last one. */
  stamp(): number;
  /** What two equal names have in common. */
  keyOf(name: string): string;
}

export class Tree {
  readonly root: DirectoryNode;
  readonly #stamp: () => number;
  readonly #keyOf: (name: string) => string;
  #lastId = 0;

  constructor({ stamp, keyOf }: TreeOptions) {
    this.#stamp = stamp;
    this.#keyOf = keyOf;
    this.root = this.createDirectory("");
  }

  createDirectory(name: string): DirectoryNode {
    return { ...this.#node(name), children: new Map(), file: undefined };
  }

  createFile(name: string, file: FileData, createdAt?: number): FileNode {
    const node = this.#node(name);
    return { ...node, createdAt: createdAt ?? node.createdAt, children: undefined, file };
  }

  find(path: readonly string[]): TreeNode | undefined {
    let node: TreeNode | undefined = this.root;
    for (const name of path) {
      node = node.children?.get(this.#keyOf(name));
      if (!node) return undefined;
    }
    return node;
  }

  child(parent: DirectoryNode, name: string): TreeNode | undefined {
    return parent.children.get(this.#keyOf(name));
  }

  attach(parent: DirectoryNode, node: TreeNode): void {
    parent.children.set(this.#keyOf(node.name), node);
    node.parent = parent;
    this.touch(parent);
  }

  detach(node: TreeNode): void {
    const { parent } = node;
    if (!parent?.children) return;
    parent.children.delete(this.#keyOf(node.name));
    node.parent = undefined;
    this.touch(parent);
  }

  /** Notes a change in a directory or of a file in it. */
  touch(node: TreeNode): void {
    node.revision += 1;
    if (node.children) node.modifiedAt = this.#stamp();
    else if (node.parent) node.parent.revision += 1;
  }

  /** The first of `name`, `name (1)`, `name (2)` that is free (sjtu-pan.md §3.1). */
  freeName(parent: DirectoryNode, name: string, ofFile: boolean): string {
    if (!this.child(parent, name)) return name;
    const dot = ofFile ? name.lastIndexOf(".") : -1;
    const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
    for (let n = 1; ; n++) {
      const candidate = `${stem} (${n})${ending}`;
      if (!this.child(parent, candidate)) return candidate;
    }
  }

  pathOf(node: TreeNode): string[] {
    const names: string[] = [];
    for (let at: TreeNode = node; at.parent; at = at.parent) names.unshift(at.name);
    return names;
  }

  /** A copy that is attached nowhere; `file` makes the copy's own data. */
  clone(node: TreeNode, name: string, file: (data: FileData) => FileData): TreeNode {
    if (isFile(node)) return this.createFile(name, file(node.file));
    const copy = this.createDirectory(name);
    for (const child of node.children?.values() ?? []) {
      const inner = this.clone(child, child.name, file);
      inner.parent = copy;
      copy.children.set(this.#keyOf(inner.name), inner);
    }
    return copy;
  }

  #node(name: string) {
    const now = this.#stamp();
    this.#lastId += 1;
    return {
      id: this.#lastId,
      parent: undefined,
      name,
      createdAt: now,
      modifiedAt: now,
      versions: [],
      audit: {},
      revision: 0,
    };
  }
}

/** A node and everything below it. */
export function* subtree(node: TreeNode): Generator<TreeNode> {
  yield node;
  for (const child of node.children?.values() ?? []) yield* subtree(child);
}

/** True where `inner` is `outer` or below it. */
export function isWithin(inner: TreeNode, outer: TreeNode): boolean {
  for (let at: TreeNode | undefined = inner; at; at = at.parent) if (at === outer) return true;
  return false;
}
