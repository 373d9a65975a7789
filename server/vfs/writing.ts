/** Storing a file: what can be refused is refused before the first byte, and what was stored is verified before it is shown (architecture.md §6, reply mode `through`). */
import { Readable } from "node:stream";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { Entry, Hashes, HashName } from "#drivers/contract/mount.ts";
import { joinPath, nameOf, parentOf } from "#drivers/contract/path.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { computable } from "./digests.ts";
import { freeName } from "./free-name.ts";
import { joinSignals } from "./joined-signal.ts";
import type { Listings } from "./listings.ts";
import type { Place } from "./locks/coverage.ts";
import type { Lock } from "./locks/lock.ts";
import type { Locks } from "./locks/locks.ts";
import { type FoundNode, type Lookup, notADirectory } from "./lookup.ts";
import type { MountedStorage } from "./mounted-storage.ts";
import { NodeResource, resourceOf } from "./node-resource.ts";
import type { Placeholders } from "./placeholders/placeholders.ts";
import type { Properties } from "./properties/properties.ts";
import { refuseMismatch } from "./received-body.ts";
import type { WriteOptions, WriteResult, WriteSource } from "./resource.ts";
import { Sending, type Stored, type Target } from "./sending.ts";
import type { GatheredFile, Spool } from "./spool.ts";
import type { ActiveUpload, Uploads } from "./uploads.ts";
import type { UsageCache } from "./usage-cache.ts";

export interface WritingOptions {
  readonly lookup: Lookup;
  readonly listings: Listings;
  readonly uploads: Uploads;
  readonly spool: Spool;
  readonly checkpoints: Checkpoints;
  readonly usage: UsageCache;
  readonly locks: Locks;
  readonly properties: Properties;
  readonly placeholders: Placeholders;
}

export class Writing {
  readonly #o: WritingOptions;
  readonly #sending: Sending;

  constructor(options: WritingOptions) {
    this.#o = options;
    this.#sending = new Sending(options);
  }

  async write(path: string, source: WriteSource, o: WriteOptions): Promise<WriteResult> {
    const target = await this.#target(path, o);
    await this.#refuse(target, source, o);
    const upload = this.#o.uploads.begin(path, { takesAnyName: o.conflict === "rename" });
    const joined = joinSignals(o.signal, upload.signal, target.storage.closing);
    let locks: readonly Lock[] = [];
    const guarded: ActiveUpload = {
      ...upload,
      signal: joined.signal,
      enterCommit: async () => {
        await upload.enterCommit();
        // Somebody may have locked it while the bytes came.
        this.#demandUnlocked(target, o);
        if (o.conflict !== "rename") locks = this.#o.locks.on(placeOf(target));
      },
    };
    let outcome: "committed" | "failed" = "failed";
    try {
      const result =
        (await this.#keep(target, source, guarded, o, () => locks)) ??
        (await this.#store(target, source, guarded, o, () => locks));
      outcome = "committed";
      return result;
    } finally {
      joined.leave();
      upload.end(outcome);
    }
  }

  /** Room for a body that comes in pieces and is written when it is whole; refuses what `write` would refuse before its first byte. */
  async gather(path: string, size: number, o: WriteOptions): Promise<GatheredFile> {
    await this.#refuse(await this.#target(path, o), { size }, o);
    return this.#o.spool.gather(size);
  }

  async #target(path: string, o: WriteOptions): Promise<Target> {
    const existing = await this.#o.lookup.findNodeOrNothing(path, o);
    // The storage knows nothing of a placeholder, so it would not choose another name.
    const isKept = existing?.storage.tree.isPlaceholder(existing.node) ?? false;
    if (existing && isKept && o.conflict === "rename") return this.#target(besidePath(existing), o);
    const isInTheWay = existing?.node.kind === "directory" && o.conflict !== "rename";
    if (isInTheWay || (existing && !existing.parent)) {
      throw new StorageError("is-a-directory", `${path} is a directory`, { path });
    }
    const directory = await this.#o.lookup.findNode(parentOf(path), o);
    if (directory.node.kind !== "directory") throw notADirectory(directory.path);
    const { storage } = directory;
    // New names are written in NFC; an existing one keeps the form it has (webdav.md §5).
    const rawName = existing?.node.rawName ?? storage.tree.toUpstream(nameOf(path).normalize("NFC"));
    return { storage, directory, rawName, existing, path };
  }

  /** All that can be refused before the first byte is read. */
  async #refuse(target: Target, source: { readonly size?: number }, o: WriteOptions): Promise<void> {
    const { storage, existing, path } = target;
    this.#demandUnlocked(target, o);
    o.check?.(existing && resourceOf(existing));
    if (existing && o.conflict === "fail") {
      throw new StorageError("already-exists", `${path} exists already`, { path });
    }
    await storage.mount();
    if (!storage.capabilities?.upload) {
      throw new StorageError("unsupported", `the storage at ${storage.mountPath} is read-only`, { path });
    }
    if (source.size === undefined) return;
    const { maxFileSize } = storage.traits;
    if (maxFileSize !== undefined && source.size > maxFileSize) {
      throw new StorageError(
        "too-large",
        `the storage at ${storage.mountPath} takes files of up to ${maxFileSize} bytes`,
        { path },
      );
    }
    const free = await this.#o.usage.free(storage, source.size, o);
    if (free !== undefined && source.size > free) {
      throw new StorageError("quota-exceeded", `the storage at ${storage.mountPath} has ${free} bytes left`, { path });
    }
  }

  #demandUnlocked(target: Target, o: WriteOptions): void {
    const { guard } = this.#o.locks;
    if (o.conflict === "rename") guard.newMember(target.directory, o);
    else guard.write(target.directory, visibleName(target), o);
  }

  /** Keeps what is better kept here than sent; undefined where it is to be sent. */
  async #keep(
    target: Target,
    source: WriteSource,
    upload: ActiveUpload,
    o: WriteOptions,
    locksOn: () => readonly Lock[],
  ): Promise<WriteResult | undefined> {
    const { storage, directory, path } = target;
    const { signal } = upload;
    const kept = await this.#o.placeholders.receive(target, source, o, signal);
    if (!kept) return undefined;
    await upload.enterCommit();
    signal.throwIfAborted();
    const now = this.#o.lookup.known(path);
    o.check?.(now && resourceOf(now));
    if (now && o.conflict === "fail") throw new StorageError("already-exists", `${path} exists already`, { path });
    if (now && !storage.tree.isPlaceholder(now.node)) {
      // Somebody has stored content there meanwhile, in whose place this comes.
      const again = { ...source, stream: Readable.from([kept.content]), size: kept.content.length };
      return this.#store({ ...target, existing: now }, again, { ...upload, enterCommit: async () => {} }, o, locksOn);
    }
    const { node, entry } = await this.#o.placeholders.keep({ ...target, existing: now }, kept, source.modifiedAt);
    await this.#o.locks.keep(locksOn(), node);
    await this.#o.properties.stored({ storage, node, parent: directory.node }, entry, source, kept.digests);
    return {
      resource: new NodeResource(node, storage, directory.path),
      created: target.existing === undefined,
      modifiedAtStored: source.modifiedAt !== undefined,
    };
  }

  /** `locksOn`: those that what is replaced has, asked for when the new content is there. */
  async #store(
    target: Target,
    source: WriteSource,
    upload: ActiveUpload,
    o: WriteOptions,
    locksOn: () => readonly Lock[],
  ): Promise<WriteResult> {
    const { storage, directory } = target;
    const options = { ...o, signal: upload.signal };
    const stored = await this.#sending.send(target, source, upload, options);
    const digests = await this.#verify(target, source, stored);
    const entry = await this.#withTime(storage, stored.entry, source.modifiedAt, options);
    // The digests are of the bytes that the storage has just taken and, where it tells, confirmed.
    const known = { ...entry, size: stored.bytes, hashes: { ...digests, ...entry.hashes } };
    const node = await storage.tree.put(directory.node, known, "committed");
    await this.#o.locks.keep(locksOn(), node);
    this.#o.usage.grew(storage, stored.bytes);
    await this.#o.properties.stored({ storage, node, parent: directory.node }, entry, source, digests);
    return {
      resource: new NodeResource(node, storage, directory.path),
      created: target.existing === undefined || entry.name !== target.rawName,
      modifiedAtStored: source.modifiedAt !== undefined,
    };
  }

  /** The digests of what was sent. Throws `incomplete` when the storage has something else, and takes that away again. */
  async #verify(target: Target, source: WriteSource, stored: Stored): Promise<Hashes> {
    const { entry, bytes } = stored;
    try {
      if (entry.size !== undefined && entry.sizeIs !== "about" && entry.size !== bytes) {
        throw new StorageError("incomplete", `${target.path}: ${bytes} bytes were sent, ${entry.size} were stored`, {
          reason: "verification-failed",
          retryable: true,
        });
      }
      const digests = await comparable(stored, entry.hashes, source.hashes);
      refuseMismatch(digests, source.hashes, "precondition-failed", "the checksum that the client sent");
      refuseMismatch(digests, entry.hashes, "incomplete", `what was stored at ${target.path}`);
      return digests;
    } catch (error) {
      await this.#takeBack(target, entry);
      throw error;
    }
  }

  async #takeBack(target: Target, entry: Entry): Promise<void> {
    const { storage, directory } = target;
    const signal = AbortSignal.any([AbortSignal.timeout(30_000), storage.closing]);
    await storage.using("remove", (mount) => mount.remove!([entry], { signal, mode: "permanent" })).catch(() => {});
    await this.#o.listings.refresh(storage, directory.node, signal).catch(() => {});
  }

  async #withTime(
    storage: MountedStorage,
    entry: Entry,
    modifiedAt: number | undefined,
    o: WriteOptions,
  ): Promise<Entry> {
    if (modifiedAt === undefined || storage.traits.setsModifiedAt || !storage.capabilities?.setModifiedAt) return entry;
    try {
      return await storage.using("setModifiedAt", (mount) => mount.setModifiedAt!(entry, modifiedAt, o));
    } catch (error) {
      if (kindOf(error) === "unsupported") return entry; // then it is remembered
      throw error;
    }
  }
}

/** A free path beside what was found. */
function besidePath({ storage, parent, node, parentPath }: FoundNode): string {
  return joinPath(
    parentPath,
    freeName(node.name, node.kind, (name) => storage.tree.lookup(parent!, name) !== undefined),
  );
}

function visibleName({ storage, existing, rawName }: Target): string {
  return existing?.node.name ?? storage.tree.toVisible(rawName);
}

function placeOf(target: Target): Place {
  return { storage: target.storage, inside: joinPath(target.directory.inside, visibleName(target)) };
}

/** What is known of the content, with at least one digest that the storage tells and all that the client claims, where they can be had. */
async function comparable(stored: Stored, told: Hashes = {}, claimed: Hashes = {}): Promise<Hashes> {
  const digests: Partial<Record<HashName, string>> = { ...stored.digests };
  const add = async (name: HashName | undefined) => {
    if (name !== undefined && stored.digest && digests[name] === undefined) digests[name] = await stored.digest(name);
  };
  for (const name of computable(Object.keys(claimed) as HashName[])) await add(name);
  const names = computable(Object.keys(told) as HashName[]);
  if (!names.some((name) => digests[name] !== undefined)) await add(names[0]);
  return digests;
}
