/** The beginning of a multipart upload, new or where it was left (sjtu-pan.md §4.3, §4.6). */
import type { Entry, Json, UploadOptions } from "../../contract/mount.ts";
import type { PanContext } from "../mount.ts";
import { withPatience } from "../patience.ts";
import { abandon } from "./abandon.ts";
import { findConfirmed } from "./confirm.ts";
import type { MultipartUpload } from "./multipart.ts";
import { wholeParts } from "./parts.ts";
import { groupFrom, type Plan, planOf, planWith } from "./plan.ts";
import { isOther, knownHashes, type SavedUpload, savedFor } from "./saved.ts";
import type { Sending } from "./sending.ts";
import { Signatures } from "./signatures.ts";
import { statusOf } from "./status.ts";

/** A new upload; throws what the service says against it before the first byte is read. */
export async function beginMultipart(
  context: PanContext,
  sending: Sending,
  o: UploadOptions,
): Promise<MultipartUpload> {
  const { api, env, paths } = context;
  const { id, strategy, source, size } = sending;
  const plan = planOf(size);
  const start = await withPatience(env, o, () =>
    api.startMultipart(paths.encoded(id), strategy, size, groupFrom(plan, 1), o),
  );
  const saved: SavedUpload = {
    v: 1,
    confirmKey: start.confirmKey,
    id,
    size,
    partSize: plan.partSize,
    ...(source.modifiedAt !== undefined && { modifiedAt: source.modifiedAt }),
    hashes: knownHashes(source.hashes),
  };
  const upload = toUpload(context, sending, saved, plan, new Set());
  upload.signatures.add(start);
  if (source.kind !== "stream") await o.checkpoint?.save(saved as unknown as Json);
  return upload;
}

/** The upload that a checkpoint tells of, or what became of it; undefined where there is none that can go on. */
export async function resumeMultipart(
  context: PanContext,
  sending: Sending,
  o: UploadOptions,
): Promise<{ upload: MultipartUpload } | { stored: Entry } | undefined> {
  const { id, strategy, source, size } = sending;
  if (!o.checkpoint || source.kind === "stream") return undefined;
  const saved = savedFor(await o.checkpoint.load(), id, size);
  if (!saved) return undefined;
  const status = await statusOf(context, saved.confirmKey, o);
  if (status === undefined) {
    await o.checkpoint.clear();
    return undefined;
  }
  if (status.confirmed) {
    const crc64 = await source.digest("crc64");
    const { confirmKey } = saved;
    const stored = await findConfirmed(context, { confirmKey, id, strategy, size, crc64 }, o);
    await o.checkpoint.clear();
    return stored && { stored };
  }
  const plan = planWith(size, saved.partSize);
  // What was sent of another content must not become a part of this one.
  if (isOther(saved, source)) {
    await o.checkpoint.clear();
    await abandon(context, saved.confirmKey, o);
    return undefined;
  }
  return { upload: toUpload(context, sending, saved, plan, wholeParts(plan, status.parts)) };
}

function toUpload(
  context: PanContext,
  { id, strategy, source }: Sending,
  saved: SavedUpload,
  plan: Plan,
  storedAlready: ReadonlySet<number>,
): MultipartUpload {
  const { api, env, session } = context;
  const { confirmKey } = saved;
  return {
    confirmKey,
    id,
    strategy,
    plan,
    source,
    signatures: new Signatures({
      plan,
      renew: (parts, how) => withPatience(env, how, () => api.renewParts(confirmKey, parts, how)),
      now: () => session.now(),
    }),
    storedAlready,
  };
}
