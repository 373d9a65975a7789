/** From content to a file at the storage that is what was sent: sent, verified, and dated as asked (architecture.md §6). */
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { Entry, Hashes, HashName } from "#drivers/contract/mount.ts";
import { computable } from "./digests.ts";
import type { Listings } from "./listings.ts";
import type { MountedStorage } from "./mounted-storage.ts";
import { refuseMismatch } from "./received-body.ts";
import type { WriteOptions, WriteSource } from "./resource.ts";
import type { Stored, Target } from "./sending.ts";

/** What the client says of the content. */
type Asked = Pick<WriteSource, "modifiedAt" | "hashes">;

/** A file that was stored and verified. */
export interface StoredFile {
  readonly entry: Entry;
  /** Of what was sent. */
  readonly digests: Hashes;
  readonly bytes: number;
}

export class Storing {
  readonly #listings: Listings;

  constructor(listings: Listings) {
    this.#listings = listings;
  }

  /** Sends, and throws `incomplete` when the storage has something else then, which is taken away again. */
  async store(target: Target, asked: Asked, send: () => Promise<Stored>, o: WriteOptions): Promise<StoredFile> {
    const stored = await send();
    const digests = await this.#verify(target, asked, stored);
    const entry = await this.#withTime(target.storage, stored.entry, asked.modifiedAt, o);
    return { entry, digests, bytes: stored.bytes };
  }

  /** The digests of what was sent. Throws `incomplete` when the storage has something else, and takes that away again. */
  async #verify(target: Target, asked: Asked, stored: Stored): Promise<Hashes> {
    const { entry, bytes } = stored;
    try {
      if (entry.size !== undefined && entry.sizeIs !== "about" && entry.size !== bytes) {
        throw new StorageError("incomplete", `${target.path}: ${bytes} bytes were sent, ${entry.size} were stored`, {
          reason: "verification-failed",
          retryable: true,
        });
      }
      const digests = await comparable(stored, entry.hashes, asked.hashes);
      refuseMismatch(digests, asked.hashes, "precondition-failed", "the checksum that the client sent");
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
    await this.#listings.refresh(storage, directory.node, signal).catch(() => {});
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
