/** A mount over a tree in memory. */
import type { DriverEnv } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { CopyOptions, Entry, Mount, MoveOptions } from "../contract/mount.ts";
import { checkName } from "../contract/path.ts";
import type { Traits } from "../contract/traits.ts";
import { oneByOne } from "../kit/batch.ts";
import { bodyOf } from "../kit/body.ts";
import { clampRange } from "../kit/range.ts";
import type { MemorySettings } from "./config.ts";
import { findPlace } from "./placing.ts";
import { liesWithin, type MemoryNode, type MemoryStore, toEntry } from "./store.ts";
import { createMemoryTrash } from "./trash.ts";
import { receiveBody } from "./uploading.ts";

/** The mount; all of it happens in memory, each change in one step. */
export function createMemoryMount(
  store: MemoryStore,
  settings: MemorySettings,
  traits: Traits,
  env: Pick<DriverEnv, "clock">,
): Mount {
  const quota = settings.quota_bytes;
  const room = () => (quota === undefined ? Number.POSITIVE_INFINITY : quota - store.usedBytes);
  const now = () => env.clock.now();
  const bin = settings.trash ? createMemoryTrash(store, traits, settings.page_size, env) : undefined;

  function move(entry: Entry, parentId: string, o: MoveOptions): Entry {
    const node = movable(entry);
    const parent = store.directory(parentId);
    refuseIntoItself(node, parent);
    const name = o.name ?? node.name;
    if (parent === node.parent && name === node.name) return toEntry(node);
    const place = findPlace(store, traits, parent, name, node.kind, o.conflict, node);
    // In this order: what is replaced may be a directory that held the node.
    store.attach(node, parent, place.name);
    for (const replaced of place.replaced) store.remove(replaced);
    return toEntry(node);
  }

  function copy(entry: Entry, parentId: string, o: CopyOptions): Entry {
    const node = movable(entry);
    const parent = store.directory(parentId);
    refuseIntoItself(node, parent);
    const name = o.name ?? node.name;
    if (parent === node.parent && name === node.name && o.conflict === "replace") return toEntry(node);
    const place = findPlace(store, traits, parent, name, node.kind, o.conflict);
    if (bytesOf(node) > room() + place.replaced.reduce((sum, replaced) => sum + bytesOf(replaced), 0)) {
      throw new StorageError("quota-exceeded", "the quota of the storage is used up");
    }
    const copied = copyNode(node, parent, place.name);
    for (const replaced of place.replaced) store.remove(replaced);
    o.onProgress?.(bytesOf(copied));
    return toEntry(copied);
  }

  function copyNode(node: MemoryNode, parent: MemoryNode, name: string): MemoryNode {
    const copied = store.add(parent, name, node.kind, now());
    if (node.kind === "file") store.fill(copied, node.content, node.sha1, node.modifiedAt);
    for (const child of node.children) copyNode(child, copied, child.name);
    copied.modifiedAt = node.modifiedAt;
    return copied;
  }

  function movable(entry: Entry): MemoryNode {
    const node = store.get(entry.id);
    if (node !== store.root) return node;
    throw new StorageError("permission-denied", "the storage's root cannot be moved, copied or removed");
  }

  return {
    async root({ signal }) {
      signal.throwIfAborted();
      return toEntry(store.root);
    },

    async *list(directory, { signal }) {
      signal.throwIfAborted();
      const children = [...store.directory(directory.id).children];
      for (let at = 0; at < children.length; at += settings.page_size) {
        yield children.slice(at, at + settings.page_size).map(toEntry);
        signal.throwIfAborted();
      }
    },

    async read(file, range, { signal }) {
      signal.throwIfAborted();
      const { kind, content } = store.get(file.id);
      if (kind === "directory") throw new StorageError("is-a-directory", "a folder has no content");
      const { offset, length } = clampRange(range, content.length);
      return bodyOf(content.subarray(offset, offset + length), signal);
    },

    async createDirectory(parent, name, { signal }) {
      signal.throwIfAborted();
      checkUpstreamName(name, traits);
      const directory = store.directory(parent.id);
      const place = findPlace(store, traits, directory, name, "directory", "fail");
      return toEntry(store.add(directory, place.name, "directory", now()));
    },

    async move(entries, parent, o) {
      checkBatchName(entries, o.name, traits);
      return oneByOne(entries, o.signal, async (entry) => move(entry, parent.id, o));
    },

    async copy(entries, parent, o) {
      checkBatchName(entries, o.name, traits);
      return oneByOne(entries, o.signal, async (entry) => copy(entry, parent.id, o));
    },

    async remove(entries, { signal, mode }) {
      return oneByOne(entries, signal, async (entry) => {
        if (mode === "trash" && bin) bin.throwAway(movable(entry));
        else store.remove(movable(entry));
        return undefined;
      });
    },

    async upload(parent, name, source, o) {
      o.signal.throwIfAborted();
      checkUpstreamName(name, traits);
      const find = () => {
        const place = findPlace(store, traits, store.directory(parent.id), name, "file", o.conflict);
        if (place.replaced.some(({ kind }) => kind === "directory")) {
          throw new StorageError("is-a-directory", "a folder has this name");
        }
        return place;
      };
      const free = room() + find().replaced.reduce((sum, replaced) => sum + bytesOf(replaced), 0);
      const { content, sha1 } = await receiveBody(source, free, o);
      // Others may have been here while the body arrived.
      const place = find();
      const [old, ...others] = place.replaced;
      const file = old ?? store.add(store.directory(parent.id), place.name, "file", now());
      for (const other of others) store.remove(other);
      store.fill(file, content, sha1, Math.round(source.modifiedAt ?? now()));
      return toEntry(file);
    },

    async setModifiedAt(entry, ms, { signal }) {
      signal.throwIfAborted();
      const node = store.get(entry.id);
      node.modifiedAt = Math.round(ms);
      return toEntry(node);
    },

    async usage({ signal }) {
      signal.throwIfAborted();
      return { used: store.usedBytes, ...(quota !== undefined && { total: quota }) };
    },

    ...(bin && { trash: bin.trash }),
  };
}

function refuseIntoItself(node: MemoryNode, parent: MemoryNode): void {
  if (liesWithin(parent, node)) throw new StorageError("invalid-name", "a folder cannot be put into itself");
}

function checkBatchName(entries: readonly Entry[], name: string | undefined, traits: Traits): void {
  if (name === undefined) return;
  checkUpstreamName(name, traits);
  if (entries.length !== 1) throw new StorageError("invalid-name", "one name was given for several entries");
}

/** Refuses what the traits say the service refuses, so that they are tested and not only told. */
function checkUpstreamName(name: string, { names }: Traits): void {
  checkName(name);
  const tooLong =
    Buffer.byteLength(name) > (names.maxBytes ?? Number.POSITIVE_INFINITY) ||
    name.length > (names.maxCharacters ?? Number.POSITIVE_INFINITY);
  if (tooLong) throw new StorageError("invalid-name", "the name is too long for the storage");
  const forbidden = [...(names.forbidden ?? "")].find((character) => name.includes(character));
  if (forbidden) throw new StorageError("invalid-name", `the storage refuses ${forbidden} in names`);
  if (names.noTrailingDotOrSpace && /[. ]$/.test(name)) {
    throw new StorageError("invalid-name", "the storage refuses a dot or space at the end of a name");
  }
}

function bytesOf(node: MemoryNode): number {
  let sum = node.content.length;
  for (const child of node.children) sum += bytesOf(child);
  return sum;
}
