/** Bringing content to a storage: straight from a stream, over the spool, or from what can be read at any place and goes on after a restart (architecture.md §6). */
import type { Readable } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Checkpoint, Entry, Hashes, HashName, UploadSource } from "#drivers/contract/mount.ts";
import { CalledOff } from "./called-off.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { computable } from "./digests.ts";
import type { Listings } from "./listings.ts";
import type { FoundNode, Lookup } from "./lookup.ts";
import type { MountedStorage } from "./mounted-storage.ts";
import { resourceOf } from "./node-resource.ts";
import { hashesToCompute, ReceivedBody, refuseMismatch } from "./received-body.ts";
import type { SeekableSource, StreamSource, WriteOptions, WriteSource } from "./resource.ts";
import { SeekableBody } from "./seekable-body.ts";
import type { Spool, SpoolFile } from "./spool.ts";
import { entryOf } from "./tree/tree.ts";
import type { ActiveUpload } from "./uploads.ts";

export interface SendingOptions {
  readonly lookup: Lookup;
  readonly listings: Listings;
  readonly spool: Spool;
  readonly checkpoints: Checkpoints;
}

/** Where a file goes: its directory and its name there. */
export interface Target {
  readonly storage: MountedStorage;
  readonly directory: FoundNode;
  /** The name as the upstream will have it. */
  readonly rawName: string;
  readonly existing: FoundNode | undefined;
  readonly path: string;
}

/** A body that was taken whole. */
export interface Spooled {
  readonly file: SpoolFile;
  /** SHA-1, what the service tells, and what the client said of it. */
  readonly digests: Hashes;
}

/** Content that has been stored. */
export interface Stored {
  readonly entry: Entry;
  /** What is known of what was sent. */
  readonly digests: Hashes;
  readonly bytes: number;
  /** A digest of what was sent that is not among `digests`, where it can still be had. */
  digest?(name: keyof Hashes): Promise<string>;
}

export class Sending {
  readonly #o: SendingOptions;

  constructor(options: SendingOptions) {
    this.#o = options;
  }

  /** True where the driver cannot take the body as it comes. */
  needsSpool({ storage }: Pick<Target, "storage">, { size }: Pick<StreamSource, "size">): boolean {
    const needs = storage.traits.upload ?? { source: "stream", size: "required" };
    return needs.source === "seekable" || (needs.size === "required" && size === undefined);
  }

  /**
   * Stores the content as it comes under the target's name, or another where `conflict` is `rename`. What the storage has then is not compared yet. A body that
   * needs the spool goes by `receive` and `sendSpooled`.
   */
  async send(target: Target, source: WriteSource, upload: ActiveUpload, o: WriteOptions): Promise<Stored> {
    if (!("open" in source)) return this.#fromStream(target, source, upload, o);
    await this.enterCommit(target, upload, o);
    return this.#fromSeekable(target, source, source.isElsewhere ? (source.hashes ?? {}) : {}, o);
  }

  /** Takes a body to its end. Throws `quota-exceeded`, before the first byte where its size is known, and as `ReceivedBody`; nothing is left then. */
  async receive(target: Target, source: StreamSource, signal: AbortSignal): Promise<Spooled> {
    const body = this.#receive(target, source, async () => {});
    const file = await this.#o.spool.receive(body, source.size, signal);
    return { file, digests: await body.digests() };
  }

  /** Stores what was taken whole. */
  sendSpooled(
    target: Target,
    { file, digests }: Spooled,
    modifiedAt: number | undefined,
    o: WriteOptions,
  ): Promise<Stored> {
    const source: SeekableSource = {
      size: file.size,
      ...(modifiedAt !== undefined && { modifiedAt }),
      identity: `sha1:${digests.sha1}`,
      open: (range) => file.open(range),
      check: async () => {}, // nobody else writes to it
    };
    return this.#fromSeekable(target, source, digests, o);
  }

  async #fromStream(target: Target, source: StreamSource, upload: ActiveUpload, o: WriteOptions): Promise<Stored> {
    const body = this.#receive(target, source, () => this.enterCommit(target, upload, o));
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

  /** `known`: digests that were computed already. */
  async #fromSeekable(target: Target, source: SeekableSource, known: Hashes, o: WriteOptions): Promise<Stored> {
    const { storage, directory, rawName } = target;
    const names = hashesToCompute(storage.traits.hashes, source.hashes);
    // What another storage says of its content is compared with what comes, where it comes whole.
    const wanted = source.isElsewhere ? names : names.filter((name) => known[name] === undefined);
    const body = new SeekableBody(source, wanted, o.signal);
    // Before the first byte leaves: once the storage has replaced the old file, there is nothing to go back to.
    await refuseWrongClaims(body, source.hashes, known);
    const key = {
      storageId: storage.id,
      parentId: directory.node.id,
      name: rawName,
      size: source.size,
      identity: source.identity,
    };
    const checkpoint = await this.#o.checkpoints.take(storage, key);
    try {
      const uploadSource: UploadSource = {
        size: source.size,
        ...(source.modifiedAt !== undefined && { modifiedAt: source.modifiedAt }),
        hashes: { ...source.hashes, ...known },
        kind: source.isElsewhere ? "lazy" : "seekable",
        open: (range) => body.open(range),
        digest: async (name, range) => (range === undefined ? known[name] : undefined) ?? body.digest(name, range),
      };
      const entry = await this.#upload(target, uploadSource, o, checkpoint);
      await checkpoint?.clear();
      const digests = { ...known, ...body.digests };
      return { entry, digests, bytes: source.size, digest: (name) => body.digest(name) };
    } catch (error) {
      // What was sent so far is of no use to another try where it was the wrong thing, or where there will be none.
      const isOver = isWrongContent(error) || (o.signal.aborted && o.signal.reason instanceof CalledOff);
      if (checkpoint && isOver) await this.#o.checkpoints.abandon(storage, key);
      throw error;
    } finally {
      checkpoint?.release();
    }
  }

  #receive(target: Target, source: StreamSource, beforeEnd: () => Promise<void>): ReceivedBody {
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
  async enterCommit(target: Target, upload: ActiveUpload, o: WriteOptions): Promise<void> {
    await upload.enterCommit();
    if (!o.check) return;
    const now = await this.#o.lookup.findNodeOrNothing(target.path, o);
    o.check(now && resourceOf(now));
  }

  async #upload(target: Target, source: UploadSource, o: WriteOptions, checkpoint?: Checkpoint): Promise<Entry> {
    const { storage, directory, rawName } = target;
    try {
      return await storage.using("upload", (mount) =>
        mount.upload!(entryOf(directory.node), rawName, source, {
          signal: o.signal,
          priority: "upload",
          conflict: o.conflict ?? "replace",
          ...(checkpoint && { checkpoint }),
          ...(o.onProgress && { onProgress: (bytes) => o.onProgress?.(bytes) }),
        }),
      );
    } catch (error) {
      // What the storage has now is unknown where it did not say no itself.
      if (!storage.traits.cheapStat) this.#o.listings.refreshBehind(storage, directory.node);
      throw error;
    }
  }
}

/** Throws `precondition-failed` where the content is not what its sender says; what he says nothing of is not read. */
async function refuseWrongClaims(body: SeekableBody, claimed: Hashes = {}, known: Hashes): Promise<void> {
  const names = computable(Object.keys(claimed) as HashName[]);
  const actual: Partial<Record<HashName, string>> = {};
  for (const name of names) actual[name] = known[name] ?? (await body.digest(name));
  refuseMismatch(actual, claimed, "precondition-failed", "the checksum that the client sent");
}

function isWrongContent(error: unknown): boolean {
  return (
    error instanceof StorageError && (error.reason === "verification-failed" || error.kind === "precondition-failed")
  );
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
