/** Storing a file: receive and hash, upload, verify, and only then show it (architecture.md §6, reply mode `through`). */
import type { Readable } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Entry, Hashes, UploadSource } from "#drivers/contract/mount.ts";
import { nameOf, parentOf } from "#drivers/contract/path.ts";
import type { Listings } from "./listings.ts";
import { type FoundNode, type Lookup, notADirectory } from "./lookup.ts";
import type { MountedStorage } from "./mounted-storage.ts";
import { NodeResource, resourceOf } from "./node-resource.ts";
import { hashesToCompute, ReceivedBody, refuseMismatch } from "./received-body.ts";
import type { WriteOptions, WriteResult, WriteSource } from "./resource.ts";
import type { Spool } from "./spool.ts";
import { entryOf } from "./tree/tree.ts";
import type { ActiveUpload, Uploads } from "./uploads.ts";
import type { UsageCache } from "./usage-cache.ts";

export interface WritingOptions {
  readonly lookup: Lookup;
  readonly listings: Listings;
  readonly uploads: Uploads;
  readonly spool: Spool;
  readonly usage: UsageCache;
}

/** Where a file goes: its directory and its name there. */
interface Target {
  readonly storage: MountedStorage;
  readonly directory: FoundNode;
  /** The name as the upstream will have it. */
  readonly rawName: string;
  readonly existing: FoundNode | undefined;
  readonly path: string;
}

/** A body that has been stored. */
interface Stored {
  readonly entry: Entry;
  readonly digests: Hashes;
  readonly bytes: number;
}

export class Writing {
  readonly #o: WritingOptions;

  constructor(options: WritingOptions) {
    this.#o = options;
  }

  async write(path: string, source: WriteSource, o: WriteOptions): Promise<WriteResult> {
    const target = await this.#target(path, o);
    await this.#refuse(target, source, o);
    const upload = this.#o.uploads.begin(path);
    let outcome: "committed" | "failed" = "failed";
    try {
      const result = await this.#store(target, source, upload, o);
      outcome = "committed";
      return result;
    } finally {
      upload.end(outcome);
    }
  }

  async #target(path: string, o: WriteOptions): Promise<Target> {
    const existing = await this.#o.lookup.findNodeOrNothing(path, o);
    if (existing && (existing.node.kind === "directory" || !existing.parent)) {
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
  async #refuse(target: Target, source: WriteSource, o: WriteOptions): Promise<void> {
    const { storage, existing, path } = target;
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
    const free = await this.#o.usage.free(storage, o);
    if (free !== undefined && source.size > free) {
      throw new StorageError("quota-exceeded", `the storage at ${storage.mountPath} has ${free} bytes left`, { path });
    }
  }

  async #store(target: Target, source: WriteSource, upload: ActiveUpload, o: WriteOptions): Promise<WriteResult> {
    const { storage, directory } = target;
    const signal = AbortSignal.any([o.signal, upload.signal, storage.closing]);
    const options = { ...o, signal };
    const needs = storage.traits.upload ?? { source: "stream", size: "required" };
    const spooled = needs.source === "seekable" || (needs.size === "required" && source.size === undefined);
    const stored = spooled
      ? await this.#storeFromSpool(target, source, upload, options)
      : await this.#storeFromStream(target, source, upload, options);
    await this.#verify(target, stored);
    const entry = await this.#withTime(storage, stored.entry, source.modifiedAt, options);
    // The digests are of the bytes that the storage has just taken and, where it tells, confirmed.
    const known = { ...entry, size: stored.bytes, hashes: { ...stored.digests, ...entry.hashes } };
    const node = await storage.tree.put(directory.node, known, "committed");
    this.#o.usage.forget(storage);
    return {
      resource: new NodeResource(node, storage, directory.path),
      created: target.existing === undefined,
      modifiedAtStored: isStoredTime(entry.modifiedAt, source.modifiedAt, storage.traits.modifiedAtPrecisionMs),
    };
  }

  async #storeFromStream(target: Target, source: WriteSource, upload: ActiveUpload, o: WriteOptions): Promise<Stored> {
    const body = this.#receive(target, source, () => this.#enterCommit(target, upload, o));
    const uploadSource: UploadSource = {
      ...(source.size !== undefined && { size: source.size }),
      ...(source.modifiedAt !== undefined && { modifiedAt: source.modifiedAt }),
      hashes: source.hashes ?? {},
      kind: "stream",
      open: async () => body,
      digest: async (name) => digestOf(await body.digests(), name),
    };
    try {
      const entry = await this.#upload(target, uploadSource, o);
      return { entry, digests: await body.digests(), bytes: body.received };
    } catch (error) {
      throw body.errored && !o.signal.aborted ? body.errored : error;
    } finally {
      body.destroy();
    }
  }

  async #storeFromSpool(target: Target, source: WriteSource, upload: ActiveUpload, o: WriteOptions): Promise<Stored> {
    const body = this.#receive(target, source, async () => {});
    const file = await this.#o.spool.receive(body, source.size, o.signal);
    try {
      const digests = await body.digests();
      await this.#enterCommit(target, upload, o);
      const entry = await this.#upload(
        target,
        {
          size: file.size,
          ...(source.modifiedAt !== undefined && { modifiedAt: source.modifiedAt }),
          hashes: digests,
          kind: "seekable",
          open: (range) => file.open(range),
          digest: async (name) => digestOf(digests, name),
        },
        o,
      );
      return { entry, digests, bytes: file.size };
    } finally {
      await file.remove();
    }
  }

  #receive(target: Target, source: WriteSource, beforeEnd: () => Promise<void>): ReceivedBody {
    const body = new ReceivedBody({
      size: source.size,
      hashes: hashesToCompute(target.storage.traits.hashes, source.hashes),
      claimed: source.hashes,
      beforeEnd,
    });
    feed(source.stream, body);
    return body;
  }

  /** The path's turn to commit, and what the caller wants to be true of the path just before. */
  async #enterCommit(target: Target, upload: ActiveUpload, o: WriteOptions): Promise<void> {
    await upload.enterCommit();
    if (!o.check) return;
    const now = await this.#o.lookup.findNodeOrNothing(target.path, o);
    o.check(now && resourceOf(now));
  }

  async #upload(target: Target, source: UploadSource, o: WriteOptions): Promise<Entry> {
    const { storage, directory, rawName } = target;
    try {
      return await storage.using("upload", (mount) =>
        mount.upload!(entryOf(directory.node), rawName, source, {
          signal: o.signal,
          priority: "upload",
          conflict: o.conflict ?? "replace",
        }),
      );
    } catch (error) {
      // What the storage has now is unknown where it did not say no itself.
      if (!storage.traits.cheapStat) this.#o.listings.refreshBehind(storage, directory.node);
      throw error;
    }
  }

  /** Throws `incomplete` when the storage has something else than what came, and takes that away again. */
  async #verify(target: Target, stored: Stored): Promise<void> {
    const { entry, digests, bytes } = stored;
    try {
      if (entry.size !== undefined && entry.sizeIs !== "about" && entry.size !== bytes) {
        throw new StorageError("incomplete", `${target.path}: ${bytes} bytes were sent, ${entry.size} were stored`, {
          reason: "verification-failed",
          retryable: true,
        });
      }
      refuseMismatch(digests, entry.hashes, "incomplete", `what was stored at ${target.path}`);
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
    return storage.using("setModifiedAt", (mount) => mount.setModifiedAt!(entry, modifiedAt, o));
  }
}

function isStoredTime(actual: number | undefined, asked: number | undefined, precisionMs: number | undefined): boolean {
  return asked !== undefined && actual !== undefined && Math.abs(actual - asked) <= Math.max(precisionMs ?? 0, 0.001);
}

function digestOf(digests: Hashes, name: keyof Hashes): string {
  const value = digests[name];
  if (value === undefined) throw new StorageError("unsupported", `${name} of this body was not computed`);
  return value;
}

/** Pipes without destroying the source when the body fails: a client's connection must live to hear why. */
function feed(stream: Readable, body: ReceivedBody): void {
  const broken = () => {
    if (!stream.readableEnded) body.destroy(new StorageError("incomplete", "the body broke off"));
  };
  if (stream.destroyed) {
    broken();
    return;
  }
  stream.once("error", broken);
  stream.once("close", broken);
  body.once("close", () => stream.unpipe(body));
  stream.pipe(body);
}
