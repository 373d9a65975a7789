/** Storing a file of the owner's disk that the server opens itself: no second copy of the bytes, and the upload goes on after a restart. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "@hono/zod-openapi";
import { demand } from "../../auth/permissions.ts";
import type { WriteResult } from "../../vfs/resource.ts";
import type { ApiDeps } from "../deps.ts";
import { openLocalFile } from "../local-source.ts";
import { conflictSchema, storedSchema, toStored } from "../stored.ts";
import type { StreamRoute } from "../stream.ts";
import { userPath } from "../user-path.ts";

/** How often the caller hears how far it is, in milliseconds. */
const REPORT_EVERY_MS = 200;

const input = z.object({
  localPath: z.string().min(1),
  path: z.string().min(1),
  conflict: conflictSchema,
  /** What the caller sees of the file: bytes, nanoseconds since the epoch and inode number, the latter two in decimal. */
  size: z.int().min(0),
  modifiedNs: z.string(),
  inode: z.string(),
});

/**
 * `POST /api/pandav/fs/upload-local`: lines of the bytes that the storage has, then one with what was stored. Only for the control socket: nobody
 * else may name files of this machine. Status 421 where the server cannot read the file, or sees another at that path: its caller sends the bytes himself then.
 */
export function uploadLocalRoute({ vfs }: Pick<ApiDeps, "vfs">): StreamRoute<z.output<typeof input>> {
  return {
    method: "POST",
    path: "/api/pandav/fs/upload-local",
    summary: "Store a file of the server's own disk (only on the control socket)",
    input,
    row: z.union([z.object({ bytes: z.number() }), z.object({ done: storedSchema })]),
    async *rows({ input: asked, user, signal }) {
      const path = userPath(user, asked.path);
      demand(user, "write", path);
      const file = await openLocalFile(asked.localPath, asked);
      const ended = new AbortController();
      let bytes = 0;
      let outcome: { readonly stored: WriteResult } | { readonly error: unknown } | undefined;
      const writing = vfs
        .write(path, file.source, {
          signal: AbortSignal.any([signal, ended.signal]),
          conflict: asked.conflict,
          onProgress: (sum) => {
            bytes = sum;
          },
        })
        .then(
          (stored) => {
            outcome = { stored };
          },
          (error: unknown) => {
            outcome = { error };
          },
        )
        .finally(() => ended.abort(new Error("the upload has ended")));
      try {
        for (;;) {
          await Promise.race([writing, sleep(REPORT_EVERY_MS, undefined, { signal: ended.signal }).catch(() => {})]);
          if (outcome) break;
          yield [{ bytes }];
        }
        if ("error" in outcome) throw outcome.error;
        yield [{ done: toStored(user, outcome.stored) }];
      } finally {
        // Whoever leaves early stops the upload, and the file is closed when nobody reads it any more.
        ended.abort(signal.reason ?? new Error("nobody waits for the upload"));
        await writing;
        await file.close();
      }
    },
  };
}
