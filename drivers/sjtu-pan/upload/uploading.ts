/** Storing files: which way, going on after a restart, and giving up (sjtu-pan.md §4.10). */
import { type ErrorKind, kindOf, StorageError } from "../../contract/errors.ts";
import type { Conflict, Entry, Json, Mount, UploadOptions, UploadSource } from "../../contract/mount.ts";
import type { Strategy } from "../file-api.ts";
import type { PanContext } from "../mount.ts";
import { checkNewName, childId } from "../paths.ts";
import { abandon } from "./abandon.ts";
import { beginMultipart, resumeMultipart } from "./beginning.ts";
import { finishMultipart, type MultipartUpload } from "./multipart.ts";
import { PART_BYTES } from "./plan.ts";
import { savedIn } from "./saved.ts";
import type { Sending } from "./sending.ts";
import { uploadSimple } from "./simple.ts";
import { isForgotten } from "./status.ts";

const STRATEGIES: Readonly<Record<Conflict, Strategy>> = { fail: "ask", replace: "overwrite", rename: "rename" };

/** Failures after which the same upload may go on later. */
const FLEETING: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  "unavailable",
  "timeout",
  "rate-limited",
  "blocked",
  "unauthenticated",
]);

export function createUploads(context: PanContext): Required<Pick<Mount, "upload" | "abandonUpload">> {
  const { api, paths } = context;

  async function store(sending: Sending, o: UploadOptions): Promise<Entry> {
    if (sending.size <= PART_BYTES) return uploadSimple(context, sending, o);
    const resumed = await resumeMultipart(context, sending, o);
    if (resumed && "stored" in resumed) return resumed.stored;
    return run(resumed?.upload ?? (await beginMultipart(context, sending, o)), o);
  }

  async function run(upload: MultipartUpload, o: UploadOptions): Promise<Entry> {
    try {
      return await finishMultipart(context, upload, o);
    } catch (error) {
      if (!mayGoOn(error, upload.source, o)) {
        await o.checkpoint?.clear();
        await abandon(context, upload.confirmKey, o);
      }
      throw error;
    }
  }

  return {
    async upload(parent, name, source, o) {
      o.signal.throwIfAborted();
      checkNewName(name);
      const { size } = source;
      if (size === undefined)
        throw new StorageError("unsupported", "SJTU Pan needs the size of a file before its first byte");
      const id = childId(parent.id, name);
      let stored: Entry;
      try {
        stored = await store({ id, strategy: STRATEGIES[o.conflict], source, size }, o);
      } catch (error) {
        throw await explainTaken(context, error, id, o);
      }
      await o.checkpoint?.clear();
      if (o.conflict === "rename" || stored.name.normalize() === name.normalize()) return stored;
      // The service chose another name against its own rule: the file is not what was asked for.
      await api.delete("file", paths.encoded(stored.id), true, o);
      throw new StorageError("already-exists", `SJTU Pan stored the file as ${stored.name}, and it was removed again`);
    },

    async abandonUpload(state: Json, o) {
      o.signal.throwIfAborted();
      const saved = savedIn(state);
      if (!saved) return;
      try {
        await api.abortUpload(saved.confirmKey, o);
      } catch (error) {
        // Nothing is left to be let go of.
        if (!isForgotten(error)) throw error;
      }
    },
  };
}

/** Whether the upload is to be kept for another try: after a restart, a lost connection or a broken source, from a source that can be read again. */
function mayGoOn(error: unknown, source: UploadSource, o: UploadOptions): boolean {
  if (!o.checkpoint || source.kind === "stream") return false;
  if (o.signal.aborted) return true;
  const kind = kindOf(error);
  if (kind === undefined || FLEETING.has(kind)) return true;
  return kind === "incomplete" && (error as StorageError).upstream === undefined && !(error as StorageError).reason;
}

/** Says what a taken name means: `is-a-directory` for a folder that a file cannot replace, `not-a-directory` where the parent is a file. */
async function explainTaken(context: PanContext, error: unknown, id: string, o: UploadOptions): Promise<unknown> {
  if (!(error instanceof StorageError) || error.upstream?.code !== "SameNameDirectoryOrFileExists") return error;
  try {
    const { kind, name } = await context.stat(id, o);
    if (kind === "file" || o.conflict !== "replace") return error;
    return new StorageError("is-a-directory", `${name} is a folder`, { cause: error });
  } catch (found) {
    return kindOf(found) === "not-a-directory" ? found : error;
  }
}
