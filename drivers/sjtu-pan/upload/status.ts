/** What the service still knows of an upload (sjtu-pan.md §4.6). */
import { StorageError } from "../../contract/errors.ts";
import type { CallOptions } from "../../contract/mount.ts";
import type { PanContext } from "../mount.ts";
import { withPatience } from "../patience.ts";
import type { UploadStatus } from "../wire.ts";

/** How far an upload is; undefined when the service does not know it any more. */
export async function statusOf(
  { api, env }: PanContext,
  confirmKey: string,
  o: CallOptions,
): Promise<UploadStatus | undefined> {
  try {
    return await withPatience(env, o, () => api.uploadStatus(confirmKey, o));
  } catch (error) {
    if (isForgotten(error)) return undefined;
    throw error;
  }
}

/** True where the service does not know the upload: it never did, it was given up, or it is long over. */
export function isForgotten(error: unknown): boolean {
  return error instanceof StorageError && error.upstream?.code === "UploadNotFound";
}
