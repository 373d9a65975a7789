/** Large files: parts sent side by side, straight from the source, with as much in memory as is on its way (sjtu-pan.md §4.3–4.7). */
import { StorageError } from "../../contract/errors.ts";
import type { Entry, UploadOptions, UploadSource } from "../../contract/mount.ts";
import type { Strategy } from "../file-api.ts";
import type { PanContext } from "../mount.ts";
import { withPatience } from "../patience.ts";
import { readExactly } from "./body.ts";
import { BufferPool } from "./buffers.ts";
import { confirmUpload } from "./confirm.ts";
import { Parts } from "./parts.ts";
import { lengthOf, type Plan } from "./plan.ts";
import type { Signatures } from "./signatures.ts";

/** Parts on their way at once (sjtu-pan.md §4.4), fewer where they are large. */
const WORKERS = 4;
/** Most bytes on their way at once, whatever the part size, unless one part alone has more. */
const MAX_BYTES_IN_FLIGHT = 64 * 2 ** 20;

/** How often lost parts are sent again. */
const MAX_ROUNDS = 4;

export interface MultipartUpload {
  readonly confirmKey: string;
  readonly id: string;
  readonly strategy: Strategy;
  readonly plan: Plan;
  readonly signatures: Signatures;
  readonly source: UploadSource;
  /** Parts that the service has. */
  readonly storedAlready: ReadonlySet<number>;
}

/** Sends what is not stored yet, and confirms. Throws `incomplete` when the source is not as long as it said. */
export async function finishMultipart(context: PanContext, upload: MultipartUpload, o: UploadOptions): Promise<Entry> {
  const { plan, confirmKey, id, strategy, source } = upload;
  const parts = new Parts(
    {
      context,
      plan,
      signatures: upload.signatures,
      onProgress: (bytes) => o.onProgress?.(bytes),
    },
    upload.storedAlready,
  );
  parts.alive();
  await sendAll(upload, parts, o);
  // What the source computed of the bytes that it gave: ours would only be of what came here.
  const crc64 = await source.digest("crc64");
  if (upload.signatures.movedOn) await sendMissing(context, upload, parts, o);
  const confirmation = { confirmKey, id, strategy, size: plan.size, crc64 };
  try {
    return await confirmUpload(context, confirmation, o, parts.alive);
  } catch (error) {
    const isShort = error instanceof StorageError && error.upstream?.code === "MultipartUploadIncomplete";
    if (!isShort || !(await sendMissing(context, upload, parts, o))) throw error;
    return confirmUpload(context, confirmation, o, parts.alive);
  }
}

/**
 * Reads the source once, whole and in order, and sends the parts that are not stored. Those that are, too, are read: the sum of the content is
 * needed at the end, and a mixture of two contents has to be found out.
 */
async function sendAll({ plan, source }: MultipartUpload, parts: Parts, o: UploadOptions): Promise<void> {
  const pool = poolFor(plan, WORKERS + 1);
  const failed = new AbortController();
  const signal = AbortSignal.any([o.signal, failed.signal]);
  const under = { ...o, signal };
  const sending = new Set<Promise<void>>();

  const send = (part: number, buffer: Buffer) => {
    const bytes = buffer.subarray(0, lengthOf(plan, part));
    const done = parts
      .send(part, bytes, under)
      .then((isFree) => (isFree ? pool.give(buffer) : pool.drop()))
      .catch((error) => failed.abort(error))
      .finally(() => sending.delete(done));
    sending.add(done);
  };

  let part = 1;
  let filled = 0;
  let buffer: Buffer | undefined;

  const take = async (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      buffer ??= await pool.take(signal);
      const copied = chunk.copy(buffer, filled, at, at + lengthOf(plan, part) - filled);
      at += copied;
      filled += copied;
      if (filled < lengthOf(plan, part)) continue;
      if (parts.has(part)) pool.give(buffer);
      else send(part, buffer);
      buffer = undefined;
      filled = 0;
      part++;
    }
  };

  try {
    await readExactly(source, undefined, plan.size, signal, take);
    await Promise.all(sending);
    signal.throwIfAborted();
  } catch (error) {
    o.signal.throwIfAborted();
    const cause = failed.signal.aborted ? failed.signal.reason : error;
    failed.abort(cause);
    throw cause;
  } finally {
    // Nobody may be at work any more when the upload is given up.
    await Promise.all(sending);
  }
}

/**
 * Sends what the service says that it lacks, until it lacks nothing: the signing of a part can lose others. False where nothing was lacking.
 * Throws `incomplete` where the source can be read only once, or where parts are lost again and again.
 */
async function sendMissing(
  context: PanContext,
  upload: MultipartUpload,
  parts: Parts,
  o: UploadOptions,
): Promise<boolean> {
  const { api, env } = context;
  const { confirmKey, source } = upload;
  for (let round = 0; ; round++) {
    const status = await withPatience(env, o, () => api.uploadStatus(confirmKey, o));
    const missing = parts.missing(status.parts);
    if (missing.length === 0) return round > 0;
    if (source.kind === "stream" || round === MAX_ROUNDS) {
      throw new StorageError("incomplete", `SJTU Pan lost ${missing.length} parts of the upload: send the file again`, {
        retryable: true,
      });
    }
    for (const part of missing) await sendAgain(upload, part, parts, o);
  }
}

/** Reads one part from the source and sends it. */
async function sendAgain(
  { plan, source }: MultipartUpload,
  part: number,
  parts: Parts,
  o: UploadOptions,
): Promise<void> {
  const length = lengthOf(plan, part);
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  const range = { offset: (part - 1) * plan.partSize, length };
  await readExactly(source, range, length, o.signal, async (chunk) => {
    filled += chunk.copy(bytes, filled);
  });
  await parts.send(part, bytes, o);
}

function poolFor({ partSize, count }: Plan, most: number): BufferPool {
  const inMemory = Math.max(2, Math.floor(MAX_BYTES_IN_FLIGHT / partSize));
  return new BufferPool(partSize, Math.min(most, inMemory, count));
}
