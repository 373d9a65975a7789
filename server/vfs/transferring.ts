/** Moving and copying: by one call of the service where it can, else through this server, file by file. */
import { randomBytes } from "node:crypto";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import { joinPath, nameOf, parentOf } from "#drivers/contract/path.ts";
import { type Changing, refuseInsideItself } from "./changing.ts";
import type { CopyingFile } from "./copying-file.ts";
import { freeName } from "./free-name.ts";
import type { Listings } from "./listings.ts";
import type { Lock } from "./locks/lock.ts";
import type { Locks } from "./locks/locks.ts";
import { childOf, type FoundNode, type Lookup, notFound } from "./lookup.ts";
import type { MountedStorage } from "./mounted-storage.ts";
import { resourceOf } from "./node-resource.ts";
import type { PendingChanging } from "./pending/changing.ts";
import type { Placeholders } from "./placeholders/placeholders.ts";
import type { Properties } from "./properties/properties.ts";
import type { Removing } from "./removing.ts";
import type { TransferOptions, TransferResult, TransferWay, VfsOptions } from "./resource.ts";
import { TooManyBytes } from "./too-many-bytes.ts";

/** How long a copy that failed may take to be removed, in milliseconds. */
const GIVE_UP_MS = 30_000;
/** Most bytes that a client waits for while they pass through this server; above, a task is the way (architecture.md §9). */
const MAX_SYNC_BYTES = 1024 ** 3;

export interface TransferringOptions {
  readonly lookup: Lookup;
  readonly listings: Listings;
  readonly copyingFile: CopyingFile;
  readonly changing: Changing;
  readonly removing: Removing;
  readonly locks: Locks;
  readonly properties: Properties;
  readonly placeholders: Placeholders;
  readonly pending: PendingChanging;
  readonly maxSyncBytes?: number;
}

interface Plan {
  readonly source: FoundNode;
  readonly directory: FoundNode;
  readonly existing: FoundNode | undefined;
  readonly to: string;
  /** The locks that what is replaced has. */
  readonly locks: readonly Lock[];
}

export class Transferring {
  readonly #o: TransferringOptions;
  /** Source drivers that a storage's service said it does not take from. */
  readonly #notReceived = new WeakMap<MountedStorage, Set<string>>();

  constructor(options: TransferringOptions) {
    this.#o = options;
  }

  async move(from: string, to: string, o: TransferOptions): Promise<TransferResult> {
    const { plan, release } = await this.#held(from, to, o);
    try {
      return await this.#move(plan, o);
    } finally {
      release();
    }
  }

  async copy(from: string, to: string, o: TransferOptions): Promise<TransferResult> {
    const { plan, release } = await this.#held(from, to, o);
    try {
      return await this.#copy(plan, o);
    } finally {
      release();
    }
  }

  /** What waits for its upload on either side stops before anything is decided. */
  async #held(from: string, to: string, o: TransferOptions): Promise<{ readonly plan: Plan; release(): void }> {
    const plan = await this.#plan(from, to, o);
    const { source, existing } = plan;
    const { count, release } = await this.#o.pending.hold([source, o.conflict === "replace" ? existing : undefined]);
    // An upload may have ended between the two.
    if (count === 0 && !source.node.pending && !existing?.node.pending) return { plan, release };
    try {
      return { plan: await this.#plan(from, to, o), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #move(plan: Plan, o: TransferOptions): Promise<TransferResult> {
    const { source, directory, existing } = plan;
    const from = source.path;
    this.#o.locks.guard.removal(source, o);
    let name: string | undefined;
    const isKept = source.node.pending;
    const isWaiting = isKept && !source.storage.tree.isPlaceholder(source.node);
    if (isWaiting && source.storage === directory.storage) {
      name = await this.#moveWaiting(plan, o);
    } else if (!isKept && (await this.#wayBetween("move", source.storage, directory.storage)) === "service") {
      const kept = await this.#o.placeholders.below(source);
      const to = (name: string) => joinPath(directory.path, name);
      const waiting = await this.#o.pending.moving(source, to(nameOf(plan.to)));
      const replaced = existing && o.conflict === "replace" ? this.#o.pending.endings(existing) : undefined;
      try {
        name = await this.#o.changing.moveInside(source, directory, nameOf(plan.to), o, replaced);
      } catch (error) {
        await waiting.stayed();
        throw error;
      }
      await waiting.arrived(to(name ?? nameOf(plan.to)), o);
      await this.#o.placeholders.follow(kept, to(name ?? nameOf(plan.to)), o);
    } else {
      if (!isKept && !source.storage.capabilities?.remove) {
        throw new StorageError("unsupported", `${from} cannot be removed from where it is`, { path: from });
      }
      name = await this.#copyThrough(plan, { ...o, recursive: true });
      // What was moved away is not deleted: it needs no place in the bin.
      await this.#o.removing.removeFound(source, { signal: o.signal, mode: "permanent" });
    }
    await this.#o.locks.forget(source);
    await this.#keepLocks(plan);
    return resultOf(plan, name, o);
  }

  /** A file that waits for its upload is moved here, and uploaded to where it lies then. */
  async #moveWaiting(plan: Plan, o: TransferOptions): Promise<string> {
    const { source, directory, existing, to } = plan;
    const { tree } = directory.storage;
    const isTaken = (name: string) => tree.lookup(directory.node, name) !== undefined;
    const isRenamed = existing !== undefined && o.conflict === "rename";
    const name = isRenamed ? freeName(nameOf(to), "file", isTaken) : nameOf(to);
    if (existing && !isRenamed && existing.node.kind === "directory") {
      await this.#o.removing.removeFound(existing, { signal: o.signal }, plan.locks);
    }
    const moved = await this.#o.pending.move(source, directory, this.#o.changing.targetName(directory, name), o);
    await this.#o.properties.moved(source, moved);
    return moved.node.name;
  }

  async #copy(plan: Plan, o: TransferOptions): Promise<TransferResult> {
    const { source, directory } = plan;
    const isKept = source.node.pending;
    const whole = !isKept && (source.node.kind === "file" || o.recursive !== false);
    const way = whole ? await this.#wayBetween("copy", source.storage, directory.storage) : "bytes";
    const name = way === "bytes" ? await this.#copyThrough(plan, o) : await this.#copyByOneCall(way, plan, o);
    await this.#keepLocks(plan);
    return resultOf(plan, name, o);
  }

  async way(how: "move" | "copy", from: string, to: string): Promise<TransferWay> {
    const [source, target] = [from, to].map((path) => {
      const storage = this.#o.lookup.storageOf(path);
      if (!storage) throw notFound(path);
      return storage;
    });
    return this.#wayBetween(how, source!, target!);
  }

  async #copyByOneCall(way: "service" | "receive", plan: Plan, o: TransferOptions): Promise<string | undefined> {
    const { source, directory } = plan;
    const { existing } = plan;
    const kept = await this.#o.placeholders.below(source);
    const replaced = existing && o.conflict === "replace" ? this.#o.pending.endings(existing) : undefined;
    let name: string | undefined;
    try {
      name = await this.#o.changing.copyByOneCall(way, source, directory, nameOf(plan.to), o, replaced);
    } catch (error) {
      if (way !== "receive" || kindOf(error) !== "unsupported") throw error;
      const refused = this.#notReceived.get(directory.storage) ?? new Set();
      this.#notReceived.set(directory.storage, refused.add(source.storage.definition.id));
      return this.#copyThrough(plan, o);
    }
    const copied = joinPath(directory.path, name ?? nameOf(plan.to));
    await this.#o.placeholders.follow(kept, copied, o);
    // The service had none of what waits here, or what that is to replace.
    for (const below of this.#o.pending.below(source)) {
      const to = `${copied}${below.path.slice(source.path.length)}`;
      await this.#o.copyingFile.copy(below, to, { ...o, conflict: "replace" });
    }
    return name;
  }

  /** What was overwritten keeps its own locks; what was in it is gone with theirs (RFC 4918 §7.6). */
  async #keepLocks({ existing, locks }: Plan): Promise<void> {
    if (!existing) return;
    await this.#o.locks.keep(locks, this.#o.lookup.known(existing.path)?.node);
    await this.#o.locks.forget(existing);
  }

  async #plan(from: string, to: string, o: TransferOptions): Promise<Plan> {
    const source = await this.#o.lookup.findNode(from, o);
    this.#o.changing.refuseMountPoints(source.path, source);
    refuseInsideItself(source.path, to);
    const directory = await this.#o.changing.directory(parentOf(to), o);
    const existing = await this.#o.lookup.findNodeOrNothing(to, o);
    if (o.conflict === "rename" && existing?.node.pending) {
      // The storage knows nothing of it, so it would not choose another name.
      const isTaken = (name: string) => directory.storage.tree.lookup(directory.node, name) !== undefined;
      return this.#plan(from, joinPath(directory.path, freeName(nameOf(to), source.node.kind, isTaken)), o);
    }
    if (existing && o.conflict !== "rename") {
      this.#o.changing.refuseMountPoints(existing.path, existing);
      refuseInsideItself(source.path, existing.path);
      if (o.conflict === "fail") throw new StorageError("precondition-failed", `${to} exists already`, { path: to });
    }
    const isReplaced = existing !== undefined && o.conflict === "replace";
    this.#o.locks.guard.replacement(directory, isReplaced ? existing : undefined, o);
    return { source, directory, existing, to, locks: isReplaced ? this.#o.locks.on(existing) : [] };
  }

  /** One call reaches within one storage, and between two of one realm (architecture.md §3). */
  async #wayBetween(how: "move" | "copy", from: MountedStorage, to: MountedStorage): Promise<TransferWay> {
    const [source, target] = [await from.mount(), await to.mount()];
    const oneCallReaches = from === to || (source.realm !== undefined && source.realm === target.realm);
    if (oneCallReaches && from.capabilities?.[how]) return "service";
    const takes = how === "copy" && from.definition.id !== to.definition.id && to.capabilities?.receive;
    return takes && !this.#notReceived.get(to)?.has(from.definition.id) ? "receive" : "bytes";
  }

  /** The name that the copy has at last. */
  async #copyThrough(plan: Plan, asked: TransferOptions): Promise<string> {
    const { source, directory, existing, to } = plan;
    const o = withOneCount(asked);
    if (!o.anySize) await this.#refuseLarge(source, o);
    const { tree } = directory.storage;
    const isTaken = (name: string) => tree.lookup(directory.node, name) !== undefined;
    const renamed = existing !== undefined && o.conflict === "rename";
    const name = renamed ? freeName(nameOf(to), source.node.kind, isTaken) : nameOf(to);
    if (source.node.kind === "file" && (renamed || existing?.node.kind !== "directory")) {
      await this.#o.copyingFile.copy(source, joinPath(directory.path, name), o);
      return name;
    }
    if (!existing || renamed) {
      await this.#copyInto(source, directory, name, o);
      return name;
    }
    // What is replaced stays until the copy beside it is whole.
    const beside = `${name}.pandav-${randomBytes(6).toString("hex")}`;
    try {
      await this.#copyInto(source, directory, beside, o);
      await this.#o.removing.removeFound(existing, { signal: o.signal }, plan.locks);
      const copied = await this.#o.lookup.findNode(joinPath(directory.path, beside), o);
      await this.#o.changing.moveInside(copied, directory, name, { ...o, conflict: "fail" });
    } catch (error) {
      await this.#giveUp(joinPath(directory.path, beside));
      throw error;
    }
    return name;
  }

  /** A copy that did not get its place is of no use, for what it was made of is still there. The caller may have left: it is removed all the same, where that can be done. */
  async #giveUp(path: string): Promise<void> {
    const o = { signal: AbortSignal.timeout(GIVE_UP_MS) };
    try {
      const copied = await this.#o.lookup.findNodeOrNothing(path, o);
      if (copied) await this.#o.removing.removeFound(copied, o);
    } catch {
      // What made the copy fail keeps it from being removed: it shows under a name that says what it is.
    }
  }

  async #copyInto(source: FoundNode, directory: FoundNode, name: string, o: TransferOptions): Promise<void> {
    if (source.node.kind === "file") return this.#o.copyingFile.copy(source, joinPath(directory.path, name), o);
    const made = await this.#o.changing.createIn(directory, name, o);
    await this.#o.properties.copiedThrough(source, made);
    if (o.recursive === false) return;
    for await (const child of this.#children(source, o)) {
      await this.#copyInto(child, made, child.node.name, o);
    }
  }

  async #refuseLarge(source: FoundNode, o: TransferOptions): Promise<void> {
    const limit = this.#o.maxSyncBytes ?? MAX_SYNC_BYTES;
    let bytes = 0;
    for await (const file of this.#files(source, o)) {
      bytes += file.node.size ?? 0;
      if (bytes <= limit) continue;
      throw new TooManyBytes(source.path, limit);
    }
  }

  async *#files(found: FoundNode, o: TransferOptions): AsyncGenerator<FoundNode> {
    if (found.node.kind === "file") {
      yield found;
    } else if (o.recursive !== false) {
      for await (const child of this.#children(found, o)) yield* this.#files(child, o);
    }
  }

  async *#children(found: FoundNode, o: VfsOptions): AsyncGenerator<FoundNode> {
    const { storage, node } = found;
    await this.#o.listings.ensure(storage, node, found.inside, o);
    for await (const page of storage.pages(node)) {
      for (const child of page) yield childOf(found, child);
    }
  }
}

/** Files report what they add; the caller hears the sum. */
function withOneCount(o: TransferOptions): TransferOptions {
  if (!o.onProgress) return o;
  let sum = 0;
  return {
    ...o,
    onProgress(bytes) {
      sum += bytes;
      o.onProgress?.(sum);
    },
  };
}

function resultOf(plan: Plan, name: string | undefined, o: TransferOptions): TransferResult {
  const { existing, directory, to } = plan;
  const source = resourceOf(plan.source);
  const created = existing === undefined || o.conflict === "rename";
  if (name !== undefined) return { created, source, path: joinPath(directory.path, name) };
  return existing && o.conflict === "rename" ? { created, source } : { created, source, path: to };
}
