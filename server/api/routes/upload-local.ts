/** Storing a file of the owner's disk that the server opens itself: no second copy of the bytes, and the upload goes on after a restart. */
import { z } from "@hono/zod-openapi";
import { openLocalFile } from "../local-source.ts";
import { progressRow, withProgress } from "../progress.ts";
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
export function uploadLocalRoute(): StreamRoute<z.output<typeof input>> {
  return {
    method: "POST",
    path: "/api/pandav/fs/upload-local",
    summary: "Store a file of the server's own disk (only on the control socket)",
    input,
    row: z.union([progressRow, z.object({ done: storedSchema })]),
    async *rows({ input: asked, user, rights, vfs, signal }) {
      const path = userPath(user, asked.path);
      rights.demandVerb("write", path);
      const file = await openLocalFile(asked.localPath, asked);
      try {
        const stored = yield* withProgress(REPORT_EVERY_MS, signal, (o) =>
          vfs.write(path, file.source, { conflict: asked.conflict, ...o }),
        );
        yield [{ done: toStored(user, stored) }];
      } finally {
        await file.close();
      }
    },
  };
}
