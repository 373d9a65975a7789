/**
 * Files that we keep in the place of a service that refuses them or on which its calls would be wasted: empty ones, which programs make before they
 * send the content, and those that file managers keep for themselves (webdav.md §5 "Placeholder overlay", decision 0019).
 */
import { randomUUID } from "node:crypto";
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange, Entry, Hashes, HashName } from "#drivers/contract/mount.ts";
import { joinPath, nameOf } from "#drivers/contract/path.ts";
import { startDigest } from "../digests.ts";
import type { FoundNode, Lookup } from "../lookup.ts";
import type { MountedStorage } from "../mounted-storage.ts";
import { hashesToCompute, refuseMismatch, shortBody } from "../received-body.ts";
import type { StreamSource, VfsOptions, WriteOptions, WriteSource } from "../resource.ts";
import { entryOf, type TreeNode } from "../tree/tree.ts";
import { isJunkName } from "./junk-names.ts";
import { takeSmall } from "./small-body.ts";

/** Largest file that is kept, in bytes. */
const MAX_FILE_BYTES = 256 * 1024;
/** Most that is kept of one storage, in bytes and in files; what is beyond goes to the service. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_FILES = 50_000;

/** What a file would be kept as. */
export interface KeptContent {
  readonly content: Buffer;
  readonly digests: Hashes;
}

/** A placeholder somewhere below a directory. */
export interface KeptBelow {
  readonly names: readonly string[];
  readonly entry: Entry;
  readonly content: Buffer;
}

/** Where a file is to be kept. */
export interface KeptPlace {
  readonly storage: MountedStorage;
  readonly directory: FoundNode;
  readonly rawName: string;
  readonly existing: FoundNode | undefined;
  readonly path: string;
}

export class Placeholders {
  readonly #lookup: Lookup;
  readonly #clock: Clock;

  constructor(lookup: Lookup, clock: Clock) {
    this.#lookup = lookup;
    this.#clock = clock;
  }

  /**
   * The body of a write that is to be kept, whole; undefined where it goes to the storage, and then nothing of it has been read.
   * Throws `incomplete`, and `precondition-failed` where the client's checksum is another.
   */
  async receive(
    place: KeptPlace,
    source: WriteSource,
    o: WriteOptions,
    signal: AbortSignal,
  ): Promise<KeptContent | undefined> {
    const limit = limitOf(place, source, o);
    if (limit === undefined) return undefined;
    const { stream, size, hashes } = source as StreamSource;
    const content = await takeSmall(stream, limit, signal);
    if (!content) return undefined;
    if (size !== undefined && content.length !== size) throw shortBody(content.length, size);
    const digests = digestsOf(content, hashesToCompute(place.storage.traits.hashes, hashes));
    refuseMismatch(digests, hashes, "precondition-failed", "the checksum that the client sent");
    return { content, digests };
  }

  /** Keeps a file, durably when it resolves. */
  async keep(
    { storage, directory, rawName, existing }: KeptPlace,
    { content, digests }: KeptContent,
    modifiedAt: number | undefined,
  ): Promise<{ readonly node: TreeNode; readonly entry: Entry }> {
    const now = this.#clock.now();
    const entry: Entry = {
      id: `pandav-placeholder:${randomUUID()}`,
      name: rawName,
      kind: "file",
      size: content.length,
      modifiedAt: modifiedAt ?? now,
      createdAt: existing?.node.createdAt ?? now,
      version: randomUUID(),
      hashes: digests,
    };
    const node = await storage.tree.putPlaceholder(directory.node, entry, content);
    // What hangs on the directory's key must not outlive it.
    storage.tree.secure(directory.node);
    return { node, entry };
  }

  /** The placeholders below a directory, with what they hold; none for a file. */
  async below({ storage, node }: FoundNode): Promise<readonly KeptBelow[]> {
    if (node.kind === "file") return [];
    const found: KeptBelow[] = [];
    for (const { n } of [...storage.tree.placeholders()]) {
      const names = storage.tree.namesBelow(node, n);
      const kept = names && nodeAt(storage, node, names);
      const content = kept && (await storage.tree.contentOf(kept));
      if (content) found.push({ names, entry: entryOf(kept), content });
    }
    return found;
  }

  /** After the service has moved or copied a directory: what we keep in it is there too. */
  async follow(kept: readonly KeptBelow[], to: string, o: VfsOptions): Promise<void> {
    for (const { names, entry, content } of kept) {
      const directory = await this.#lookup.findNodeOrNothing(names.slice(0, -1).reduce(joinPath, to), o);
      const name = names.at(-1)!;
      if (directory?.node.kind !== "directory" || directory.storage.tree.lookup(directory.node, name)) continue;
      const { tree } = directory.storage;
      const copy = { ...entry, id: `pandav-placeholder:${randomUUID()}`, name: tree.toUpstream(name) };
      await tree.putPlaceholder(directory.node, copy, content);
      tree.secure(directory.node);
    }
  }

  /** Another time for a placeholder; undefined where it is none any more. */
  async date({ storage, node, parent }: Pick<FoundNode, "storage" | "node" | "parent">, ms: number) {
    const content = storage.tree.isPlaceholder(node) ? await storage.tree.contentOf(node) : undefined;
    return content && storage.tree.putPlaceholder(parent!, { ...entryOf(node), modifiedAt: ms }, content);
  }
}

/** The bytes of a range of a placeholder. Throws `range-not-satisfiable`; undefined where the node, as it was read, is none any more. */
export async function readPlaceholder(
  { storage, node, path }: Pick<FoundNode, "storage" | "node" | "path">,
  range: ByteRange | undefined,
): Promise<Buffer | undefined> {
  const content = await storage.tree.contentOf(node);
  if (!content || !range) return content;
  const { offset, length } = range;
  if (offset > content.length) {
    throw new StorageError("range-not-satisfiable", `${path} has ${content.length} bytes`, { path });
  }
  return content.subarray(offset, length === undefined ? undefined : offset + length);
}

/** Bytes up to which the body of a write is kept; undefined where none is. */
function limitOf({ storage, existing, path }: KeptPlace, source: WriteSource, o: WriteOptions): number | undefined {
  if (!storage.keepsPlaceholders(o.mayBeKept) || o.conflict === "rename" || "open" in source) return undefined;
  // What the storage has is changed there.
  if (existing && !storage.tree.isPlaceholder(existing.node)) return undefined;
  const { count, bytes } = storage.tree.placeholderTotals();
  if (count >= MAX_FILES) return undefined;
  const limit = isJunkName(nameOf(path)) ? Math.max(0, Math.min(MAX_FILE_BYTES, MAX_BYTES - bytes)) : 0;
  return source.size === undefined || source.size <= limit ? limit : undefined;
}

function nodeAt({ tree }: MountedStorage, directory: TreeNode, names: readonly string[]): TreeNode | undefined {
  let node: TreeNode | undefined = directory;
  for (const name of names) node = node && tree.lookup(node, name);
  return node;
}

function digestsOf(content: Buffer, names: readonly HashName[]): Hashes {
  return Object.fromEntries(
    names.map((name) => {
      const digest = startDigest(name);
      digest.update(content);
      return [name, digest.digest()];
    }),
  );
}
