/** Uploads that come in pieces, in any order: OpenList's multipart (alist-api.md §7.4). They live in memory and in the spool, until they end or nobody comes back. */
import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Vfs } from "../vfs/api.ts";
import type { GatheredFile } from "../vfs/spool.ts";
import { ApiError } from "./envelope.ts";
import { toFailure } from "./failures.ts";
import type { AnnouncedUpload } from "./upload-headers.ts";

/** Pieces of one upload that may be on their way at once (alist-api.md §7.4). */
const WINDOW = 8;
/** How long an upload waits for its next piece, in milliseconds (alist-api.md §7.4). */
const IDLE_MS = 30 * 60_000;
/** Uploads of one user at once, and pieces of one upload. */
const MOST_UPLOADS = 64;
const MOST_PIECES = 100_000;
const MIB = 1024 * 1024;

/** What the wire tells of an upload. */
export interface Snapshot {
  readonly upload_id: string;
  readonly state: State | "";
  readonly attempt: number;
  readonly path: string;
  readonly size: number;
  readonly chunk_size: number;
  readonly total_chunks: number;
  /** Runs of pieces that are here, first and last. */
  readonly received: readonly (readonly [number, number])[] | null;
  readonly received_bytes: number;
  /** Pieces that are here without a gap from the first on. */
  readonly frontier: number;
  /** Per cent that the storage has. */
  readonly storage_progress: number;
  readonly error?: string;
}

type State = "receiving" | "completed" | "failed_retriable" | "failed_permanent" | "aborted";

/** Of an upload that does not exist. */
const NOTHING: Snapshot = {
  ...{ upload_id: "", state: "", attempt: 0, path: "", size: 0, chunk_size: 0, total_chunks: 0 },
  ...{ received: null, received_bytes: 0, frontier: 0, storage_progress: 0 },
};

/** Whose upload it is, and the filesystem as he may use it now. */
export interface Uploader {
  readonly userId: number;
  readonly vfs: Vfs;
  readonly signal: AbortSignal;
}

interface Upload {
  readonly id: string;
  readonly userId: number;
  readonly announced: AnnouncedUpload;
  /** As its owner calls it. */
  readonly shownPath: string;
  readonly size: number;
  readonly chunkSize: number;
  readonly here: Set<number>;
  readonly onTheWay: Set<number>;
  readonly file: GatheredFile;
  state: State;
  attempt: number;
  stored: number;
  error?: string;
  /** One completion at a time. */
  completing?: Promise<void>;
  idle: NodeJS.Timeout;
}

export class PieceUploads {
  readonly #all = new Map<string, Upload>();

  /** Begins an upload, or finds the one that its owner began of the same content at the same path. Throws as `Vfs.gather`, ApiError 400, 429. */
  async begin(
    by: Uploader,
    announced: AnnouncedUpload,
    o: { readonly shownPath: string; readonly wantedChunk: number | undefined; readonly largestChunk: number },
  ): Promise<Snapshot & { readonly resumed: boolean }> {
    const size = announced.size ?? 0;
    if (size <= 0) throw new ApiError(400, "multipart upload requires a valid X-File-Size header");
    const known = this.#find(by.userId, announced.path, size);
    if (known && goesOn(known, announced)) return { ...snapshotOf(known), resumed: true };
    if (known) await this.#forget(known);
    const own = [...this.#all.values()].filter(({ userId }) => userId === by.userId);
    if (own.length >= MOST_UPLOADS) throw new ApiError(429, "too many uploads in pieces are open: end one of them");
    const conflict = announced.overwrite ? "replace" : "fail";
    const file = await by.vfs.gather(announced.path, size, { signal: by.signal, conflict });
    const wanted = Math.min(Math.max(o.wantedChunk ?? o.largestChunk, MIB), o.largestChunk);
    const upload: Upload = {
      id: randomUUID(),
      userId: by.userId,
      announced,
      shownPath: o.shownPath,
      size,
      chunkSize: Math.max(wanted, Math.ceil(size / MOST_PIECES)),
      here: new Set(),
      onTheWay: new Set(),
      file,
      state: "receiving",
      attempt: 0,
      stored: 0,
      idle: setTimeout(() => {}, 0),
    };
    this.#all.set(upload.id, upload);
    this.#touch(upload);
    return { ...snapshotOf(upload), resumed: false };
  }

  /** Takes one piece. Throws ApiError with a snapshot: 400 bad index, 404, 409 already on its way, 429 too many at once. */
  async place(by: Uploader, id: string, index: number, body: Readable): Promise<Snapshot> {
    const upload = this.#own(by, id);
    const total = totalOf(upload);
    const refuse = (code: number, message: string) => new ApiError(code, message, snapshotOf(upload));
    if (!Number.isInteger(index) || index < 0 || index >= total) {
      throw refuse(400, `chunk index ${index} out of range [0,${total})`);
    }
    if (upload.state !== "receiving") throw refuse(409, `the upload is ${upload.state}: no piece is taken any more`);
    if (upload.onTheWay.has(index)) throw refuse(409, `piece ${index} is on its way already`);
    if (upload.onTheWay.size >= WINDOW)
      throw refuse(429, `${WINDOW} pieces are on their way: send this one again later`);
    upload.onTheWay.add(index);
    // What a piece that breaks off leaves counts no more.
    upload.here.delete(index);
    this.#touch(upload);
    try {
      const offset = index * upload.chunkSize;
      const length = Math.min(upload.chunkSize, upload.size - offset);
      await upload.file.place({ offset, length }, body, by.signal);
      upload.here.add(index);
    } finally {
      upload.onTheWay.delete(index);
      this.#touch(upload);
    }
    return snapshotOf(upload);
  }

  /** Stores the file once every piece is here; resolves when it is stored and verified. Throws ApiError with a snapshot. */
  async complete(by: Uploader, id: string): Promise<Snapshot> {
    const upload = this.#own(by, id);
    if (upload.state === "completed") return snapshotOf(upload);
    if (upload.here.size < totalOf(upload) || upload.onTheWay.size > 0) {
      throw new ApiError(400, "not all pieces are here", snapshotOf(upload));
    }
    upload.completing ??= this.#store(by, upload).finally(() => {
      delete upload.completing;
      this.#touch(upload);
    });
    await upload.completing;
    return snapshotOf(upload);
  }

  /** How far an upload is. Throws ApiError 404. */
  status(
    by: Pick<Uploader, "userId">,
    which: { readonly id: string } | { readonly path: string; readonly size: number },
  ): Snapshot {
    if ("id" in which) return snapshotOf(this.#own(by, which.id));
    const found = this.#find(by.userId, which.path, which.size);
    if (!found) throw notFound();
    return snapshotOf(found);
  }

  /** Forgets an upload and what came of it. Throws ApiError 404. */
  async abort(by: Pick<Uploader, "userId">, id: string): Promise<void> {
    const upload = this.#own(by, id);
    if (upload.completing) throw new ApiError(409, "the file is being stored just now", snapshotOf(upload));
    upload.state = "aborted";
    await this.#forget(upload);
  }

  async #store(by: Uploader, upload: Upload): Promise<void> {
    const { announced, file, size } = upload;
    upload.attempt++;
    upload.state = "receiving";
    clearTimeout(upload.idle);
    try {
      await by.vfs.write(
        announced.path,
        {
          size,
          identity: `pieces:${upload.id}`,
          hashes: announced.hashes,
          ...(announced.modifiedAt !== undefined && { modifiedAt: announced.modifiedAt }),
          open: (range) => file.open(range),
          // Nobody writes to it any more.
          check: async () => {},
        },
        {
          signal: by.signal,
          conflict: announced.overwrite ? "replace" : "fail",
          onProgress: (bytes) => {
            upload.stored = bytes;
          },
        },
      );
    } catch (error) {
      const { envelope } = toFailure(error, { phrases: true });
      upload.state = error instanceof StorageError && !error.retryable ? "failed_permanent" : "failed_retriable";
      upload.error = envelope.message;
      throw new ApiError(envelope.code, envelope.message, snapshotOf(upload));
    }
    upload.state = "completed";
    upload.stored = size;
    await file.remove();
  }

  #own(by: Pick<Uploader, "userId">, id: string): Upload {
    const upload = this.#all.get(id);
    if (!upload) throw notFound();
    if (upload.userId !== by.userId) throw new ApiError(403, "the upload is somebody else's", NOTHING);
    return upload;
  }

  #find(userId: number, path: string, size: number): Upload | undefined {
    return [...this.#all.values()].find(
      (one) => one.userId === userId && one.announced.path === path && one.size === size && one.state !== "completed",
    );
  }

  #touch(upload: Upload): void {
    clearTimeout(upload.idle);
    upload.idle = setTimeout(() => void this.#forget(upload), IDLE_MS).unref();
  }

  async #forget(upload: Upload): Promise<void> {
    if (upload.onTheWay.size > 0 || upload.completing) return this.#touch(upload);
    clearTimeout(upload.idle);
    this.#all.delete(upload.id);
    await upload.file.remove();
  }
}

/** True where it is the same content for all that is said of it: pieces of two files of one size must never become one. */
function goesOn({ state, announced: then }: Upload, now: AnnouncedUpload): boolean {
  if (state !== "receiving" && state !== "failed_retriable") return false;
  const names = new Set([...Object.keys(then.hashes), ...Object.keys(now.hashes)]) as Set<keyof typeof then.hashes>;
  const sameHashes = [...names].every((name) => then.hashes[name] === now.hashes[name]);
  return sameHashes && then.modifiedAt === now.modifiedAt && (names.size > 0 || now.modifiedAt !== undefined);
}

function notFound(): ApiError {
  return new ApiError(404, "multipart upload session not found", NOTHING);
}

function totalOf({ size, chunkSize }: Upload): number {
  return Math.ceil(size / chunkSize);
}

function snapshotOf(upload: Upload): Snapshot {
  const { here, size, chunkSize } = upload;
  const total = totalOf(upload);
  const runs = runsOf(here);
  const lastIsHere = here.has(total - 1);
  return {
    upload_id: upload.id,
    state: upload.state,
    attempt: Math.max(0, upload.attempt - 1),
    path: upload.shownPath,
    size,
    chunk_size: chunkSize,
    total_chunks: total,
    received: runs.length === 0 ? null : runs,
    received_bytes: lastIsHere ? (here.size - 1) * chunkSize + (size - (total - 1) * chunkSize) : here.size * chunkSize,
    frontier: runs[0]?.[0] === 0 ? runs[0][1] + 1 : 0,
    storage_progress: (upload.stored / size) * 100,
    ...(upload.error !== undefined && { error: upload.error }),
  };
}

function runsOf(here: ReadonlySet<number>): (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const index of [...here].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && last[1] === index - 1) last[1] = index;
    else runs.push([index, index]);
  }
  return runs;
}
