/** What a test puts into a space, and looks up in it, past the API. */
import mime from "mime-types";
import { allBytes, bytesContent, type Content, md5Of, ruleContent } from "./content.ts";
import { splitPath } from "./names.ts";
import { addFile, ensureDirectories, newObjectKey, removeForGood, replaceFile, storeObject } from "./spaces.ts";
import { type Audit, type FileNode, isDirectory, isFile, type TreeNode } from "./tree.ts";
import type { Account, World } from "./world.ts";

/** Bytes, text, any content, or a size: then all zero, or from `first` on counting up mod 251. */
export type Seed = string | Uint8Array | Content | { readonly size: number; readonly first?: number };

export interface FileState {
  readonly kind: "file" | "directory";
  readonly size: number;
  readonly crc64: string | undefined;
  readonly eTag: string | undefined;
  readonly createdAt: number;
  readonly modifiedAt: number;
}

const PART = 4 * 2 ** 20;

export class Files {
  readonly #world: World;
  readonly #account: Account;

  constructor(world: World, account: Account) {
    this.#world = world;
    this.#account = account;
  }

  /** Writes a file, and the directories above it where they are missing. */
  put(path: string, seed: Seed = ""): void {
    const { space } = this.#account;
    const segments = splitPath(path);
    const name = segments.at(-1);
    const parent = ensureDirectories(space, segments.slice(0, -1));
    if (name === undefined || !parent) throw new Error(`no file can be at ${path}`);
    const content = contentOf(seed);
    const isRule = typeof seed === "object" && !(seed instanceof Uint8Array) && !("read" in seed);
    const eTag = isRule ? `${this.#world.secret(32)}-${Math.max(1, Math.ceil(content.size / PART))}` : md5Of(content);
    const contentType = mime.lookup(name) || "application/octet-stream";
    const data = storeObject(this.#world, newObjectKey(this.#world, name), content, { eTag, contentType });
    const existing = space.tree.child(parent, name);
    if (isFile(existing)) replaceFile(this.#world, space, existing, data);
    else if (existing) throw new Error(`${path} is a directory`);
    else addFile(this.#world, space, parent, name, data);
  }

  makeDirectory(path: string): void {
    if (!ensureDirectories(this.#account.space, splitPath(path))) throw new Error(`a file is in the way of ${path}`);
  }

  /** Removes for good. */
  remove(path: string): void {
    removeForGood(this.#world, this.#account.space, this.#node(path));
  }

  rename(path: string, name: string): void {
    const { tree } = this.#account.space;
    const node = this.#node(path);
    const parent = node.parent;
    if (!isDirectory(parent)) throw new Error("the root has no name");
    tree.detach(node);
    node.name = name;
    tree.attach(parent, node);
  }

  exists(path: string): boolean {
    return this.#account.space.tree.find(splitPath(path)) !== undefined;
  }

  stat(path: string): FileState {
    const node = this.#node(path);
    const { file } = node;
    return {
      kind: file ? "file" : "directory",
      size: file?.size ?? 0,
      crc64: file?.crc64,
      eTag: file?.eTag,
      createdAt: node.createdAt,
      modifiedAt: node.modifiedAt,
    };
  }

  /** All bytes of a file; `content` where it is large. */
  read(path: string): Buffer {
    return allBytes(this.content(path));
  }

  content(path: string): Content {
    return this.#world.objects.get(this.#file(path).file.object)!.content;
  }

  /** Sorted names; directories end with `/`. */
  list(path = ""): string[] {
    const node = this.#node(path);
    return [...(node.children?.values() ?? [])].map((one) => one.name + (isDirectory(one) ? "/" : "")).sort();
  }

  /** Every path below a directory with the size of a file; directories end with `/`. */
  tree(path = ""): Record<string, number | null> {
    const found: Record<string, number | null> = {};
    const visit = (node: TreeNode, at: string) => {
      for (const child of node.children?.values() ?? []) {
        const place = at + child.name;
        if (isFile(child)) found[place] = child.file.size;
        else {
          found[`${place}/`] = null;
          visit(child, `${place}/`);
        }
      }
    };
    visit(this.#node(path), "");
    return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Sets the state of the content review (sjtu-pan.md §3.2). */
  setAudit(path: string, audit: Audit): void {
    const node = this.#node(path);
    node.audit = audit;
    this.#account.space.tree.touch(node);
  }

  #file(path: string): FileNode {
    const node = this.#node(path);
    if (!isFile(node)) throw new Error(`${path} is a directory`);
    return node;
  }

  #node(path: string): TreeNode {
    const node = this.#account.space.tree.find(splitPath(path));
    if (!node) throw new Error(`${path} does not exist`);
    return node;
  }
}

function contentOf(seed: Seed): Content {
  if (typeof seed === "string") return bytesContent([Buffer.from(seed)]);
  if (seed instanceof Uint8Array) return bytesContent([Buffer.from(seed)]);
  if ("read" in seed) return seed;
  return ruleContent(seed.first === undefined ? { kind: "zeros" } : { kind: "count", first: seed.first }, seed.size);
}
