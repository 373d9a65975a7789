/**
 * Storing a file: what can be refused is refused before the first byte, and what was stored is verified before it is shown; or, where the storage is set up so,
 * it is kept durably here before it is shown, and stored behind (architecture.md §6).
 */
import { Readable } from "node:stream";
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { joinPath, nameOf, parentOf } from "#drivers/contract/path.ts";
import { freeName } from "./free-name.ts";
import { joinSignals } from "./joined-signal.ts";
import type { Place } from "./locks/coverage.ts";
import type { Lock } from "./locks/lock.ts";
import type { Locks } from "./locks/locks.ts";
import { type FoundNode, type Lookup, notADirectory } from "./lookup.ts";
import { NodeResource, resourceOf } from "./node-resource.ts";
import type { AcceptedContent, Pending } from "./pending/pending.ts";
import { type ReplyMode, replyModeOf } from "./pending/reply-mode.ts";
import type { PendingUploading } from "./pending/uploading.ts";
import type { Placeholders } from "./placeholders/placeholders.ts";
import type { Properties } from "./properties/properties.ts";
import type { StreamSource, WriteOptions, WriteResult, WriteSource } from "./resource.ts";
import type { Sending, Spooled, Target } from "./sending.ts";
import type { GatheredFile, Spool } from "./spool.ts";
import type { StoredFile, Storing } from "./storing.ts";
import { entryOf } from "./tree/tree.ts";
import type { ActiveUpload, Uploads } from "./uploads.ts";
import type { UsageCache } from "./usage-cache.ts";

export interface WritingOptions {
  readonly lookup: Lookup;
  readonly uploads: Uploads;
  readonly spool: Spool;
  readonly sending: Sending;
  readonly storing: Storing;
  readonly pending: Pending;
  readonly uploading: PendingUploading;
  readonly clock: Clock;
  readonly usage: UsageCache;
  readonly locks: Locks;
  readonly properties: Properties;
  readonly placeholders: Placeholders;
}

/** A write on its way. */
interface Write {
  readonly target: Target;
  readonly mode: ReplyMode;
  readonly upload: ActiveUpload;
  readonly o: WriteOptions;
  /** Those that what is replaced has; known once it is its turn to commit. */
  locks: readonly Lock[];
}

export class Writing {
  readonly #o: WritingOptions;

  constructor(options: WritingOptions) {
    this.#o = options;
  }

  async write(path: string, source: WriteSource, asked: WriteOptions): Promise<WriteResult> {
    const { target, o } = await this.#target(path, asked);
    const mode = replyModeOf(target, source, o, this.#o.pending.accepts);
    await this.#refuse(target, source, o, mode !== "through" || this.#needsSpool(target, source));
    const upload = this.#o.uploads.begin(target.path, { takesAnyName: o.conflict === "rename" });
    const joined = joinSignals(o.signal, upload.signal, target.storage.closing);
    let release = () => {};
    const write: Write = {
      target,
      mode,
      o,
      locks: [],
      upload: {
        ...upload,
        signal: joined.signal,
        enterCommit: async () => {
          await upload.enterCommit();
          // Somebody may have locked it while the bytes came.
          this.#demandUnlocked(target, o);
          if (o.conflict !== "rename") write.locks = this.#o.locks.on(placeOf(target));
          release = await this.#hold(target, o);
        },
      },
    };
    let outcome: "committed" | "failed" = "failed";
    try {
      const result = (await this.#keep(write, source)) ?? (await this.#store(write, source));
      outcome = "committed";
      return result;
    } finally {
      release();
      joined.leave();
      upload.end(outcome);
    }
  }

  /** Room for a body that comes in pieces and is written when it is whole; refuses what `write` would refuse before its first byte. */
  async gather(path: string, size: number, o: WriteOptions): Promise<GatheredFile> {
    const { target, o: options } = await this.#target(path, o);
    await this.#refuse(target, { size }, options, true);
    return this.#o.spool.gather(size);
  }

  async #target(path: string, o: WriteOptions): Promise<{ readonly target: Target; readonly o: WriteOptions }> {
    const existing = await this.#o.lookup.findNodeOrNothing(path, o);
    // The storage knows nothing of what only we have, so it would not choose another name; and what waits here needs one before the storage is asked.
    const isOurs = existing && (existing.node.pending || existing.storage.writeMode !== "through");
    if (isOurs && o.conflict === "rename") return this.#target(besidePath(existing), { ...o, conflict: "fail" });
    const isInTheWay = existing?.node.kind === "directory" && o.conflict !== "rename";
    if (isInTheWay || (existing && !existing.parent)) {
      throw new StorageError("is-a-directory", `${path} is a directory`, { path });
    }
    const directory = await this.#o.lookup.findNode(parentOf(path), o);
    if (directory.node.kind !== "directory") throw notADirectory(directory.path);
    const { storage } = directory;
    // New names are written in NFC; an existing one keeps the form it has (webdav.md §5).
    const rawName = existing?.node.rawName ?? storage.tree.toUpstream(nameOf(path).normalize("NFC"));
    return { target: { storage, directory, rawName, existing, path }, o };
  }

  /** What waits at the path is not uploaded until the write has ended, and then only where it still waits. */
  async #hold(target: Target, o: WriteOptions): Promise<() => void> {
    const { pending, lookup } = this.#o;
    const waiting = o.conflict === "rename" ? undefined : pending.of(lookup.known(target.path)?.node);
    return waiting ? pending.attempts.hold([waiting.id]) : () => {};
  }

  #needsSpool(target: Target, source: WriteSource): boolean {
    return !("open" in source) && this.#o.sending.needsSpool(target, source);
  }

  /** All that can be refused before the first byte is read. */
  async #refuse(
    target: Target,
    source: { readonly size?: number },
    o: WriteOptions,
    isSpooled: boolean,
  ): Promise<void> {
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
    const waiting = this.#o.pending.totals(storage.id).bytes;
    const free = await this.#o.usage.free(storage, source.size + waiting, o);
    if (free !== undefined && source.size + waiting > free) {
      const left =
        waiting > 0 ? `${free} bytes left, of which ${waiting} are for files that wait here` : `${free} bytes left`;
      throw new StorageError("quota-exceeded", `the storage at ${storage.mountPath} has ${left}`, { path });
    }
    if (isSpooled) await this.#o.spool.demandRoom(source.size);
  }

  #demandUnlocked(target: Target, o: WriteOptions): void {
    const { guard } = this.#o.locks;
    if (o.conflict === "rename") guard.newMember(target.directory, o);
    else guard.write(target.directory, visibleName(target), o);
  }

  /** Keeps what is better kept here than sent; undefined where it is to be sent. */
  async #keep(write: Write, source: WriteSource): Promise<WriteResult | undefined> {
    const { target, upload, o } = write;
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
      const entered: Write = {
        ...write,
        target: { ...target, existing: now },
        upload: { ...upload, enterCommit: async () => {} },
      };
      return this.#store(entered, again);
    }
    const { node, entry } = await this.#o.placeholders.keep({ ...target, existing: now }, kept, source.modifiedAt);
    await this.#o.locks.keep(write.locks, node);
    await this.#o.properties.stored({ storage, node, parent: directory.node }, entry, source, kept.digests);
    return {
      resource: new NodeResource(node, storage, directory.path),
      created: target.existing === undefined,
      modifiedAtStored: source.modifiedAt !== undefined,
    };
  }

  async #store(write: Write, source: WriteSource): Promise<WriteResult> {
    const { target, upload, mode } = write;
    const { sending, storing } = this.#o;
    if (!("open" in source) && (mode !== "through" || this.#needsSpool(target, source))) {
      return this.#storeSpooled(write, source);
    }
    const o = { ...write.o, signal: upload.signal };
    const stored = await storing.store(target, source, () => sending.send(target, source, upload, o), o);
    return this.#commit(write, source, stored);
  }

  /** The body lies whole in the spool before the storage hears of it. */
  async #storeSpooled(write: Write, source: StreamSource): Promise<WriteResult> {
    const { target, upload, mode } = write;
    const { sending } = this.#o;
    const { signal } = upload;
    const spooled = await sending.receive(target, source, signal);
    try {
      await sending.enterCommit(target, upload, { ...write.o, signal });
      if (mode === "back") return await this.#accept(write, source, spooled, false);
      const stored = await this.#storeOrAccept(write, source, spooled, signal);
      return "resource" in stored ? stored : await this.#commit(write, source, stored);
    } finally {
      if (!this.#o.pending.record(spooled.file.id)) await spooled.file.remove();
    }
  }

  /** Stores what lies in the spool. In mode `auto`, where that takes long, the client has his answer before, and the same upload goes on. */
  async #storeOrAccept(
    write: Write,
    source: StreamSource,
    spooled: Spooled,
    signal: AbortSignal,
  ): Promise<StoredFile | WriteResult> {
    const { target, mode } = write;
    const { sending, storing, uploading, clock } = this.#o;
    const controller = new AbortController();
    const stop = () => controller.abort(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener("abort", stop, { once: true });
    let onProgress: ((bytes: number) => void) | undefined = write.o.onProgress;
    let bytes = 0;
    const o: WriteOptions = {
      ...write.o,
      signal: controller.signal,
      onProgress: (now) => {
        bytes = now;
        onProgress?.(now);
      },
    };
    const send = () => sending.sendSpooled(target, spooled, source.modifiedAt, o);
    const stored = storing.store(target, source, send, o);
    const waiting = new AbortController();
    try {
      if (mode === "through") return await stored;
      const late = clock.sleep(target.storage.replyWithinMs, waiting.signal).then(() => "late" as const);
      late.catch(() => {}); // the upload was quicker
      const first = await Promise.race([stored, late]);
      if (first !== "late") return first;
      stored.catch(() => {}); // whoever runs it from now on hears of it
      return await this.#accept(write, source, spooled, true, (record) => {
        // From here on the client's leaving stops nothing.
        signal.removeEventListener("abort", stop);
        const { closing } = target.storage;
        closing.addEventListener("abort", () => controller.abort(closing.reason), { once: true });
        uploading.adopt(record, stored, controller, bytes, (listener) => {
          onProgress = listener;
        });
      });
    } catch (error) {
      controller.abort(error);
      throw error;
    } finally {
      waiting.abort();
      signal.removeEventListener("abort", stop);
    }
  }

  /** Takes what lies in the spool on: durable, shown, and with a task before the client hears of it. */
  async #accept(
    write: Write,
    source: StreamSource,
    { file, digests }: Spooled,
    isStarted: boolean,
    adopt?: (record: Parameters<PendingUploading["adopt"]>[0]) => void,
  ): Promise<WriteResult> {
    const { target, o } = write;
    const { pending, locks, properties, lookup } = this.#o;
    const { storage, directory } = target;
    const now = lookup.known(target.path);
    if (now && o.conflict === "fail") {
      throw new StorageError("already-exists", `${target.path} exists already`, { path: target.path });
    }
    const content: AcceptedContent = {
      file,
      hashes: digests,
      isClaimed: source.hashes !== undefined && Object.keys(source.hashes).length > 0,
      modifiedAt: source.modifiedAt,
      conflict: o.conflict === "fail" ? "fail" : "replace",
      userId: o.holder?.userId,
      isStarted,
    };
    const { record, node } = await pending.accept({ storage, directory, rawName: target.rawName }, content);
    adopt?.(record);
    await locks.keep(write.locks, node);
    await properties.stored({ storage, node, parent: directory.node }, entryOf(node), {}, digests);
    await pending.announce(record);
    return {
      resource: new NodeResource(node, storage, directory.path),
      created: target.existing === undefined,
      modifiedAtStored: source.modifiedAt !== undefined,
      pending: record.id,
    };
  }

  /** Shows what was stored; what waited in its place waits no more. */
  async #commit(write: Write, source: WriteSource, { entry, digests, bytes }: StoredFile): Promise<WriteResult> {
    const { target, locks } = write;
    const { storage, directory } = target;
    const { pending } = this.#o;
    // The digests are of the bytes that the storage has just taken and, where it tells, confirmed.
    const known = { ...entry, size: bytes, hashes: { ...digests, ...entry.hashes } };
    const waiting = pending.of(storage.tree.lookup(directory.node, storage.tree.toVisible(entry.name)));
    const ending = waiting && pending.ending(waiting);
    const node = await storage.tree.put(directory.node, known, "committed", ending && ((trx) => ending.also(trx)));
    await ending?.after();
    await this.#o.locks.keep(locks, node);
    this.#o.usage.grew(storage, bytes);
    await this.#o.properties.stored({ storage, node, parent: directory.node }, entry, source, digests);
    return {
      resource: new NodeResource(node, storage, directory.path),
      created: target.existing === undefined || entry.name !== target.rawName,
      modifiedAtStored: source.modifiedAt !== undefined,
    };
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
