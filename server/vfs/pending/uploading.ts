/** Brings what waits to its storage: each try goes on where the last one was, and a reply that was lost is settled by what the storage has (architecture.md §6, decision 0021). */
import { StorageError } from "#drivers/contract/errors.ts";
import type { Checkpoints } from "../checkpoints.ts";
import type { Locks } from "../locks/locks.ts";
import type { FoundNode } from "../lookup.ts";
import { NodeResource } from "../node-resource.ts";
import type { Properties } from "../properties/properties.ts";
import type { Sending } from "../sending.ts";
import type { StoredFile, Storing } from "../storing.ts";
import { entryOf } from "../tree/tree.ts";
import type { UsageCache } from "../usage-cache.ts";
import type { PendingEnd, PendingUploads, UploadRunOptions } from "./api.ts";
import { entriesAt, hasContent } from "./at-storage.ts";
import { HeldBack } from "./attempts.ts";
import type { PendingChanging } from "./changing.ts";
import { keyOf, type Pending } from "./pending.ts";
import type { PendingRecord } from "./record.ts";

export interface PendingUploadingOptions {
  readonly pending: Pending;
  readonly changing: PendingChanging;
  readonly sending: Sending;
  readonly storing: Storing;
  readonly checkpoints: Checkpoints;
  readonly locks: Locks;
  readonly usage: UsageCache;
  readonly properties: Properties;
}

interface Seat {
  readonly found: FoundNode;
  readonly directory: FoundNode;
}

export class PendingUploading {
  readonly #o: PendingUploadingOptions;

  constructor(options: PendingUploadingOptions) {
    this.#o = options;
  }

  /** Uploads what waits; joins the upload that is on its way. Throws what it failed with, and the signal's reason when it has let go. */
  async upload(id: string, { signal, onProgress }: UploadRunOptions): Promise<PendingEnd> {
    const { pending } = this.#o;
    const { attempts } = pending;
    for (;;) {
      signal.throwIfAborted();
      const record = pending.record(id);
      if (!record) return pending.endOf(id) ?? "stored";
      const held = attempts.freed(id);
      if (held) {
        await orAborted(held, signal);
        continue;
      }
      const attempt = attempts.get(id) ?? this.#begin(record);
      onProgress?.(attempt.stored);
      if (onProgress) attempt.listeners.add(onProgress);
      const stop = () => attempt.controller.abort(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      try {
        await attempt.done;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (!pending.record(id)) return pending.endOf(id) ?? "dropped";
        if (!(error instanceof HeldBack)) throw error;
      } finally {
        signal.removeEventListener("abort", stop);
        if (onProgress) attempt.listeners.delete(onProgress);
      }
    }
  }

  /** The upload that a write has begun is that of a record from now on. */
  adopt(
    record: PendingRecord,
    storing: Promise<StoredFile>,
    controller: AbortController,
    stored: number,
    tell: (listener: (bytes: number) => void) => void,
  ): void {
    this.#o.pending.attempts.begin(
      record.id,
      controller,
      async (onProgress) => {
        tell(onProgress);
        const file = await storing;
        await this.#finish(record.id, file);
      },
      stored,
    );
  }

  #begin(record: PendingRecord) {
    const controller = new AbortController();
    return this.#o.pending.attempts.begin(record.id, controller, (onProgress) =>
      this.#attempt(record, controller.signal, onProgress),
    );
  }

  async #attempt(asked: PendingRecord, outer: AbortSignal, onProgress: (bytes: number) => void): Promise<void> {
    const { pending, changing, sending, storing } = this.#o;
    const o = { signal: outer, priority: "upload" as const };
    const seat = await changing.found(asked, o);
    if (!seat) return;
    const { storage } = seat.found;
    const signal = AbortSignal.any([outer, storage.closing]);
    const [record, file] = [pending.record(asked.id), pending.file(asked.id)];
    if (!record || !file) return;
    if (record.leftover) await changing.clearLeftover(record, storage, { signal });
    if (record.isStarted && (await this.#isThere(record, seat, signal))) return;
    if (!record.isStarted) await pending.change(record.id, { isStarted: true });
    const target = {
      storage,
      directory: seat.directory,
      rawName: record.rawName,
      existing: undefined,
      path: seat.found.path,
    };
    const options = { signal, conflict: record.conflict, onProgress };
    const { hashes, modifiedAt } = record;
    const send = () => sending.sendSpooled(target, { file, digests: hashes }, modifiedAt, options);
    await this.#finish(record.id, await storing.store(target, { modifiedAt }, send, options));
  }

  /** An earlier try may have been stored though nobody heard of it. */
  async #isThere(record: PendingRecord, { found, directory }: Seat, signal: AbortSignal): Promise<boolean> {
    const o = { signal, priority: "upload" as const };
    for (const entry of await entriesAt(found.storage, entryOf(directory.node), record.rawName, o)) {
      if (!(await hasContent(found.storage, entry, record, o))) continue;
      await this.#o.checkpoints.abandon(found.storage, keyOf(record, directory));
      await this.#finish(record.id, { entry, digests: record.hashes, bytes: record.size });
      return true;
    }
    return false;
  }

  /** The storage has it: the tree says so from now on, and nothing waits any more. */
  async #finish(id: string, { entry, digests, bytes }: StoredFile): Promise<void> {
    const { pending, locks, usage, properties } = this.#o;
    const record = pending.record(id);
    const seat = record && pending.seat(record);
    if (!record || !seat) {
      // Replaced or removed in the last moment: who did that asks the storage what it has.
      if (!record) return;
      throw new StorageError("unavailable", "it was stored while its directory was changed", { retryable: true });
    }
    const { found, directory } = seat;
    const { storage, node: shown, parentPath } = found;
    const { etag } = new NodeResource(shown, storage, parentPath);
    const known = { ...entry, size: bytes, hashes: { ...record.hashes, ...digests, ...entry.hashes } };
    const kept = locks.on(found);
    const ending = pending.ending(record);
    const node = await storage.tree.put(directory.node, known, "committed", (trx) => ending.also(trx));
    await locks.keep(kept, node);
    usage.grew(storage, bytes);
    const asked = { modifiedAt: record.modifiedAt, ...(record.isClaimed && { hashes: record.hashes }) };
    await properties.stored({ storage, node, parent: directory.node }, entry, asked, record.hashes, etag);
    await ending.after("stored");
  }
}

/** What the vfs shows of what waits. */
export function pendingUploads(pending: Pending, uploading: PendingUploading): PendingUploads {
  return {
    list: () => pending.all().map((record) => pending.info(record)),
    get: (id) => {
      const record = pending.record(id);
      return record && pending.info(record);
    },
    attach: (runner) => pending.attach(runner),
    upload: (id, o) => uploading.upload(id, o),
    mark: (id, failure) => pending.mark(id, failure),
  };
}

async function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const left = Promise.withResolvers<never>();
  left.promise.catch(() => {});
  const leave = () => left.reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  try {
    await Promise.race([promise, left.promise]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
