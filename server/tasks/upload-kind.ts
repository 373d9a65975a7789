/** The kind `upload`: content that was accepted before its storage had it goes there (architecture.md §6, decision 0021). */
import { z } from "zod";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Vfs } from "../vfs/api.ts";
import type { PendingInfo } from "../vfs/pending/api.ts";
import { NO_TOTALS } from "./api.ts";
import { type TaskKind, Withdrawn } from "./kind.ts";

/** Most uploads at once, of all storages together: one that is silent for long must not stop the others. */
const WORKERS = 6;

const uploadInput = z.object({
  /** Of the pending content, and of the task. */
  id: z.string(),
  /** Where it was put. */
  path: z.string(),
  size: z.number(),
});
type UploadInput = z.output<typeof uploadInput>;

/** Uploads what waits. Nobody asks for such a task: it comes with the content, runs whatever its sender may by then, and is there as long as the content waits. */
export function uploadKind(vfs: Pick<Vfs, "pending">): TaskKind<UploadInput> {
  const { pending } = vfs;
  /** The most that a storage had of each, so that trying the same bytes again is no progress. */
  const best = new Map<string, number>();
  const totalsOf = (bytes: number, bytesDone: number, filesDone = 0) => ({
    ...{ ...NO_TOTALS, files: 1, filesDone, bytes, bytesDone },
  });
  return {
    name: "upload",
    workers: WORKERS,
    input: uploadInput,
    describe({ id, path }) {
      // It may have been renamed since.
      const now = pending.get(id)?.path ?? path;
      return { from: now, to: now };
    },
    async check() {
      throw new StorageError("unsupported", "an upload begins with its content");
    },
    async run({ id, size }, run) {
      run.step("uploading");
      run.progress(totalsOf(size, 0));
      const how = await pending.upload(id, {
        signal: run.signal,
        onProgress(bytes) {
          if (bytes > (best.get(id) ?? 0)) {
            best.set(id, bytes);
            run.cameFurther();
          }
          run.progress(totalsOf(size, Math.min(bytes, size)));
        },
      });
      best.delete(id);
      if (how === "dropped") throw new Withdrawn();
      run.step("");
      run.progress(totalsOf(size, size, 1));
    },
    origin: {
      totals: ({ size }) => totalsOf(size, 0),
      keeps: ({ id }) => pending.get(id) !== undefined,
      async told({ id }, state, error) {
        const isStopped = state === "failed" || (state === "retrying" && error?.class === "needs-login");
        if (isStopped) await pending.mark(id, error && { message: error.message, kind: error.kind });
        else if (state === "cancelled") await pending.mark(id, { message: "the upload was cancelled: retry its task" });
        else if (state === "waiting" || state === "running") await pending.mark(id, undefined);
      },
      attach({ take, settle }) {
        const accepted = ({ id, path, size, userId }: PendingInfo) => take({ id, input: { id, path, size }, userId });
        const detach = pending.attach({
          accepted,
          ended: (id, how) => {
            best.delete(id);
            settle(id, how === "stored" ? "succeeded" : "cancelled");
          },
        });
        // What the last process accepted and made no task of.
        for (const info of pending.list()) void accepted(info);
        return detach;
      },
    },
  };
}
