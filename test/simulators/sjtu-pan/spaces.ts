/** Changes of a space's tree that also move bytes between its accounts: live, history, bin. */
import type { Content } from "./content.ts";
import {
  type DirectoryNode,
  type FileData,
  type FileNode,
  isDirectory,
  isFile,
  subtree,
  type TreeNode,
} from "./tree.ts";
import type { RecycledItem, Space, World } from "./world.ts";

/** Stores bytes under a new key and returns the data of a file that has them. */
export function storeObject(
  world: World,
  object: string,
  content: Content,
  file: { readonly eTag: string; readonly contentType: string },
): FileData {
  const now = world.stamp();
  world.objects.set(object, { content, ...file, modifiedAt: now, goneAt: undefined });
  const sum = content.crc64();
  return {
    object,
    size: content.size,
    crc64: sum === undefined ? undefined : String(sum),
    ...file,
    versionId: 1,
    writtenAt: now,
  };
}

/** A key that no object has: a URL path, already encoded (sjtu-pan.md §4.2). */
export function newObjectKey(world: World, name: string, key = world.secret(24)): string {
  const dot = name.lastIndexOf(".");
  const ending = dot > 0 ? `.${encodeURIComponent(name.slice(dot + 1))}` : "";
  return `/${world.bucket}/${world.libraryId}/${key}${ending}`;
}

export function addFile(world: World, space: Space, parent: DirectoryNode, name: string, data: FileData): FileNode {
  const node = space.tree.createFile(name, data);
  space.tree.attach(parent, node);
  space.liveBytes += data.size;
  world.objects.get(data.object)!.goneAt = undefined;
  return node;
}

/** Gives a file other bytes; its creation time stays (sjtu-pan.md §12.3). */
export function replaceFile(world: World, space: Space, node: FileNode, data: FileData): void {
  const old = node.file;
  node.file = { ...data, versionId: old.versionId + 1 };
  node.modifiedAt = world.stamp();
  space.liveBytes += data.size - old.size;
  if (world.knobs.versioning) {
    node.versions.push(old);
    space.historyBytes += old.size;
  } else world.releaseObject(old);
  space.tree.touch(node);
}

/** Moves a node and all below it into the bin. */
export function recycle(world: World, space: Space, node: TreeNode): RecycledItem {
  const originalPath = space.tree.pathOf(node);
  const size = liveBytesOf(node);
  space.tree.detach(node);
  space.liveBytes -= size;
  space.binBytes += size;
  const item = { id: world.nextNumber(), node, originalPath, removedAt: world.stamp(), size };
  space.bin.set(item.id, item);
  return item;
}

/** Removes a node and all below it for good. */
export function removeForGood(world: World, space: Space, node: TreeNode): void {
  space.tree.detach(node);
  space.liveBytes -= liveBytesOf(node);
  releaseAll(world, space, node);
}

export function purge(world: World, space: Space, item: RecycledItem): void {
  space.bin.delete(item.id);
  space.binBytes -= item.size;
  releaseAll(world, space, item.node);
}

/** Puts what lies in the bin back; the caller has made room. */
export function restoreTo(space: Space, item: RecycledItem, parent: DirectoryNode, name: string): void {
  space.bin.delete(item.id);
  space.binBytes -= item.size;
  space.liveBytes += item.size;
  item.node.name = name;
  space.tree.attach(parent, item.node);
}

/** A copy of a node whose files have objects of their own with the same bytes. */
export function copyOf(world: World, space: Space, node: TreeNode, name: string): TreeNode {
  const copy = space.tree.clone(node, name, (data) => {
    const source = world.objects.get(data.object)!;
    const object = newObjectKey(world, data.object.split("/").at(-1) ?? "");
    world.objects.set(object, { ...source, modifiedAt: world.stamp(), goneAt: undefined });
    return { ...data, object, versionId: 1, writtenAt: world.stamp() };
  });
  return copy;
}

/** Attaches a copy. */
export function addCopy(space: Space, parent: DirectoryNode, copy: TreeNode): void {
  space.tree.attach(parent, copy);
  space.liveBytes += liveBytesOf(copy);
}

/** Makes what is missing of a path of directories. Undefined where a file stands in the way. */
export function ensureDirectories(space: Space, path: readonly string[]): DirectoryNode | undefined {
  let at = space.tree.root;
  for (const name of path) {
    let next = space.tree.child(at, name);
    if (!next) {
      next = space.tree.createDirectory(name);
      space.tree.attach(at, next);
    }
    if (!isDirectory(next)) return undefined;
    at = next;
  }
  return at;
}

/** Bytes of the current contents of a node and all below it. */
export function liveBytesOf(node: TreeNode): number {
  let sum = 0;
  for (const one of subtree(node)) if (isFile(one)) sum += one.file.size;
  return sum;
}

function releaseAll(world: World, space: Space, node: TreeNode): void {
  for (const one of subtree(node)) {
    if (isFile(one)) world.releaseObject(one.file);
    for (const version of one.versions) {
      space.historyBytes -= version.size;
      world.releaseObject(version);
    }
    one.versions = [];
  }
}
