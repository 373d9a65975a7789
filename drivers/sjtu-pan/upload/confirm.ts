/** The end of an upload: confirmed exactly once, also when the answer is lost (sjtu-pan.md §4.7). */
import { kindOf, StorageError } from "../../contract/errors.ts";
import type { CallOptions, Entry } from "../../contract/mount.ts";
import { toEntry } from "../entries.ts";
import { listEntries } from "../listing.ts";
import type { PanContext } from "../mount.ts";
import { splitId } from "../paths.ts";
import { pause, withPatience } from "../patience.ts";
import type { Sending } from "./sending.ts";
import { isForgotten, statusOf } from "./status.ts";

/** Tries while the service still gathers the parts, or while it is unknown whether it heard (sjtu-pan.md §1.7). */
const TRIES = 5;

/** Codes that may come just after the last byte. */
const NOT_YET: readonly unknown[] = ["MultipartUploadIncomplete", "UploadIncomplete"];

export interface Confirmation extends Omit<Sending, "source"> {
  readonly confirmKey: string;
  /** In decimal. */
  readonly crc64: string;
}

/**
 * Makes the file visible and returns it as stored. Throws `incomplete`, reason `verification-failed`, when the service has other bytes (`BadCrc64`);
 * `already-exists`; and the last failure where it stays unknown whether the service heard. `alive` is called before every wait.
 */
export async function confirmUpload(
  context: PanContext,
  confirmation: Confirmation,
  o: CallOptions,
  alive: () => void,
): Promise<Entry> {
  const { api, env } = context;
  const { confirmKey, strategy, crc64, id } = confirmation;
  for (let attempt = 1; ; attempt++) {
    let failure: StorageError;
    try {
      const item = await api.confirmUpload(confirmKey, strategy, crc64, o);
      const { parentId, name } = splitId(id);
      // Renamed or not: only the answer knows (sjtu-pan.md §3.1).
      return verified(toEntry({ ...item, name: item.path?.at(-1) ?? item.name }, parentId, name), confirmation);
    } catch (error) {
      o.signal.throwIfAborted();
      if (!(error instanceof StorageError) || error.reason === "verification-failed") throw error;
      failure = error;
    }
    alive();
    if (!NOT_YET.includes(failure.upstream?.code)) {
      if (!failure.retryable && !isForgotten(failure)) throw failure;
      const stored = await findConfirmed(context, confirmation, o);
      if (stored) return stored;
    }
    if (attempt === TRIES || isForgotten(failure)) throw failure;
    await pause(env, attempt, o, failure.retryAfterMs);
    alive();
  }
}

/** The file, where an earlier confirmation has been heard; undefined where the upload still waits for one. */
export async function findConfirmed(
  context: PanContext,
  confirmation: Confirmation,
  o: CallOptions,
): Promise<Entry | undefined> {
  const { env } = context;
  const { confirmKey, strategy, id } = confirmation;
  const status = await statusOf(context, confirmKey, o);
  if (status && !status.confirmed) return undefined;
  // Some time after the confirmation the service forgets it. Under which name a renamed file is, nobody can tell then.
  if (!status && strategy === "rename") return undefined;
  if (strategy === "rename") return withPatience(env, o, () => findRenamed(context, confirmation, o));
  try {
    const there = await withPatience(env, o, () => context.stat(id, o));
    return isAsSent(there, confirmation) ? there : undefined;
  } catch (error) {
    if (kindOf(error) === "not-found") return undefined;
    throw error;
  }
}

/** The youngest of the files that hold what was sent, under the wanted name or one that the service makes of it (sjtu-pan.md §3.1). */
async function findRenamed(
  { api, paths }: PanContext,
  confirmation: Confirmation,
  o: CallOptions,
): Promise<Entry | undefined> {
  const { parentId, name } = splitId(confirmation.id);
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  let youngest: Entry | undefined;
  for await (const page of listEntries(api, paths.encoded(parentId), parentId, o)) {
    for (const entry of page) {
      const isOurs = entry.name === name || (entry.name.startsWith(stem) && entry.name.endsWith(ending));
      if (!isOurs || !isAsSent(entry, confirmation)) continue;
      if (!youngest || (entry.modifiedAt ?? 0) >= (youngest.modifiedAt ?? 0)) youngest = entry;
    }
  }
  return youngest;
}

/** The entry. Throws `incomplete` when the service says of it what was not sent. */
function verified(entry: Entry, confirmation: Confirmation): Entry {
  if (isAsSent(entry, confirmation)) return entry;
  throw new StorageError("incomplete", "SJTU Pan stored something else than what was sent", {
    reason: "verification-failed",
  });
}

function isAsSent(entry: Entry, { size, crc64 }: Confirmation): boolean {
  if (entry.kind !== "file") return false;
  if (entry.size !== undefined && entry.size !== size) return false;
  const stored = entry.hashes?.crc64;
  return stored === undefined || stored === crc64;
}
