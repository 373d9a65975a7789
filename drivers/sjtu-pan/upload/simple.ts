/** Small files: one object, sent in one piece (sjtu-pan.md §4.2). */
import { StorageError } from "../../contract/errors.ts";
import type { CallOptions, Entry, UploadOptions, UploadSource } from "../../contract/mount.ts";
import { crc64 as sumOf } from "../../kit/crc64.ts";
import type { Strategy } from "../file-api.ts";
import type { PanContext } from "../mount.ts";
import type { SimpleStart } from "../wire.ts";
import { abandon } from "./abandon.ts";
import { readExactly } from "./body.ts";
import { confirmUpload } from "./confirm.ts";
import { withPatience } from "./patience.ts";
import { needsSigning, putBytes } from "./store.ts";

/** Stores a file that fits into memory; nothing is asked of the service before its last byte is there. */
export async function uploadSimple(
  context: PanContext,
  id: string,
  strategy: Strategy,
  source: UploadSource,
  size: number,
  o: UploadOptions,
): Promise<Entry> {
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  await readExactly(source, undefined, size, o.signal, async (chunk) => {
    at += chunk.copy(bytes, at);
  });
  const alive = () => o.onProgress?.(0);
  const start = await sendTo(context, id, strategy, bytes, o, alive);
  try {
    o.onProgress?.(size);
    const confirmation = { confirmKey: start.confirmKey, id, strategy, size, crc64: sumOf(bytes) };
    return await confirmUpload(context, confirmation, o, () => o.onProgress?.(size));
  } catch (error) {
    await abandon(context, start.confirmKey, o);
    throw error;
  }
}

/** Starts and sends; once more from the start where what the service signed is refused. */
async function sendTo(
  context: PanContext,
  id: string,
  strategy: Strategy,
  bytes: Buffer,
  o: CallOptions,
  alive: () => void,
): Promise<SimpleStart> {
  const { api, env, paths } = context;
  for (let attempt = 1; ; attempt++) {
    const start = await withPatience(env, o, () => api.startSimple(paths.encoded(id), strategy, bytes.length, o));
    try {
      alive();
      await withPatience(env, o, () => putBytes(env, start, bytes, o, alive));
      return start;
    } catch (error) {
      await abandon(context, start.confirmKey, o);
      if (!needsSigning(error) || attempt === 2) throw asRefusal(error);
    }
  }
}

/** A store that refuses what its own service has just signed. */
function asRefusal(error: unknown): unknown {
  if (!needsSigning(error)) return error;
  const { upstream } = error as StorageError;
  return new StorageError("upstream", "the store of SJTU Pan refuses what the service has signed", {
    ...(upstream && { upstream }),
    cause: error,
  });
}
