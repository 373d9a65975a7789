/** Small files: one object, sent in one piece (sjtu-pan.md §4.2). */
import type { CallOptions, Entry, UploadOptions } from "../../contract/mount.ts";
import { crc64 as sumOf } from "../../kit/crc64.ts";
import type { PanContext } from "../mount.ts";
import { withPatience } from "../patience.ts";
import type { SimpleStart } from "../wire.ts";
import { abandon } from "./abandon.ts";
import { readExactly } from "./body.ts";
import { confirmUpload } from "./confirm.ts";
import type { Sending } from "./sending.ts";
import { asRefusal, needsSigning, putBytes } from "./store.ts";

/** Stores a file that fits into memory; nothing is asked of the service before its last byte is there. */
export async function uploadSimple(context: PanContext, sending: Sending, o: UploadOptions): Promise<Entry> {
  const { id, strategy, source, size } = sending;
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  await readExactly(source, undefined, size, o.signal, async (chunk) => {
    at += chunk.copy(bytes, at);
  });
  const alive = () => o.onProgress?.(0);
  const start = await sendTo(context, sending, bytes, o, alive);
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
  { id, strategy }: Sending,
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
