/** Moving and copying: by one call of the service where it can, else through this server, file by file. */
import { randomBytes } from "node:crypto";
import { StorageError } from "#drivers/contract/errors.ts";
import { joinPath, nameOf, parentOf } from "#drivers/contract/path.ts";
import { type Changing, refuseInsideItself } from "./changing.ts";
import type { Listings } from "./listings.ts";
import { childOf, type FoundNode, type Lookup } from "./lookup.ts";
import type { MountedStorage } from "./mounted-storage.ts";
import type { Reading } from "./reading.ts";
import type { TransferOptions, VfsOptions } from "./resource.ts";
import type { Writing } from "./writing.ts";

/** Most bytes that a client waits for while they pass through this server; above, a task is the way (architecture.md §9). */
const MAX_SYNC_BYTES = 1024 ** 3;

export interface TransferringOptions {
  readonly lookup: Lookup;
  readonly listings: Listings;
  readonly reading: Reading;
  readonly writing: Writing;
  readonly changing: Changing;
  readonly maxSyncBytes?: number;
}

interface Plan {
  readonly source: FoundNode;
  readonly directory: FoundNode;
  readonly existing: FoundNode | undefined;
  readonly to: string;
}

export class Transferring {
  readonly #o: TransferringOptions;

  constructor(options: TransferringOptions) {
    this.#o = options;
  }

  async move(from: string, to: string, o: TransferOptions): Promise<{ readonly created: boolean }> {
    const plan = await this.#plan(from, to, o);
    const { source, directory } = plan;
    if ((await this.#oneCallReaches(source.storage, directory.storage)) && source.storage.capabilities?.move) {
      await this.#o.changing.moveInside(source, directory, nameOf(to), o);
    } else {
      if (!source.storage.capabilities?.remove) {
        throw new StorageError("unsupported", `${from} cannot be removed from where it is`, { path: from });
      }
      await this.#copyThrough(plan, { ...o, recursive: true });
      await this.#o.changing.removeFound(source, o);
    }
    return { created: plan.existing === undefined };
  }

  async copy(from: string, to: string, o: TransferOptions): Promise<{ readonly created: boolean }> {
    const plan = await this.#plan(from, to, o);
    const { source, directory } = plan;
    const whole = source.node.kind === "file" || o.recursive !== false;
    if (whole && (await this.#oneCallReaches(source.storage, directory.storage)) && source.storage.capabilities?.copy) {
      await this.#o.changing.copyInside(source, directory, nameOf(to), o);
    } else {
      await this.#copyThrough(plan, o);
    }
    return { created: plan.existing === undefined };
  }

  async #plan(from: string, to: string, o: TransferOptions): Promise<Plan> {
    const source = await this.#o.lookup.findNode(from, o);
    this.#o.changing.refuseMountPoints(source.path, source);
    refuseInsideItself(source.path, to);
    const directory = await this.#o.changing.directory(parentOf(to), o);
    const existing = await this.#o.lookup.findNodeOrNothing(to, o);
    if (existing) {
      this.#o.changing.refuseMountPoints(existing.path, existing);
      refuseInsideItself(source.path, existing.path);
      if (!o.overwrite) throw new StorageError("precondition-failed", `${to} exists already`, { path: to });
    }
    return { source, directory, existing, to };
  }

  /** True within one storage, and between two of one realm (architecture.md §3). */
  async #oneCallReaches(from: MountedStorage, to: MountedStorage): Promise<boolean> {
    const [source, target] = [await from.mount(), await to.mount()];
    return from === to || (source.realm !== undefined && source.realm === target.realm);
  }

  async #copyThrough(plan: Plan, o: TransferOptions): Promise<void> {
    const { source, directory, existing, to } = plan;
    await this.#refuseLarge(source, o);
    if (source.node.kind === "file" && existing?.node.kind !== "directory") {
      return this.#copyFile(source, joinPath(directory.path, nameOf(to)), o);
    }
    if (!existing) return this.#copyInto(source, directory, nameOf(to), o);
    // What is replaced stays until the copy beside it is whole.
    const beside = `${nameOf(to)}.pandav-${randomBytes(6).toString("hex")}`;
    await this.#copyInto(source, directory, beside, o);
    await this.#o.changing.removeFound(existing, o);
    const copied = await this.#o.lookup.findNode(joinPath(directory.path, beside), o);
    await this.#o.changing.moveInside(copied, directory, nameOf(to), { ...o, overwrite: false });
  }

  async #copyInto(source: FoundNode, directory: FoundNode, name: string, o: TransferOptions): Promise<void> {
    if (source.node.kind === "file") return this.#copyFile(source, joinPath(directory.path, name), o);
    const made = await this.#o.changing.createIn(directory, name, o);
    if (o.recursive === false) return;
    for await (const child of this.#children(source, o)) {
      await this.#copyInto(child, made, child.node.name, o);
    }
  }

  async #copyFile(source: FoundNode, to: string, o: TransferOptions): Promise<void> {
    const { size, sizeIs, modifiedAt, hashes } = source.node;
    const stream = await this.#o.reading.openFound(source, o).read();
    try {
      await this.#o.writing.write(
        to,
        {
          stream,
          ...(size !== undefined && sizeIs !== "about" && { size }),
          ...(modifiedAt !== undefined && { modifiedAt }),
          ...(hashes && { hashes }),
        },
        { signal: o.signal, conflict: o.overwrite ? "replace" : "fail" },
      );
    } finally {
      stream.destroy();
    }
  }

  async #refuseLarge(source: FoundNode, o: TransferOptions): Promise<void> {
    const limit = this.#o.maxSyncBytes ?? MAX_SYNC_BYTES;
    let bytes = 0;
    for await (const file of this.#files(source, o)) {
      bytes += file.node.size ?? 0;
      if (bytes <= limit) continue;
      throw new StorageError(
        "permission-denied",
        `${source.path} holds more than ${limit} bytes, which would all pass through this server: copy it as a task`,
        { path: source.path },
      );
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
