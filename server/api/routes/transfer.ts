/** Moving and copying with a choice of what happens to namesakes, however long it takes. */
import { z } from "@hono/zod-openapi";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { Vfs } from "../../vfs/api.ts";
import { progressRow, withProgress } from "../progress.ts";
import { conflictSchema } from "../stored.ts";
import type { StreamRoute } from "../stream.ts";
import { shownPath, userPath } from "../user-path.ts";

/** How often somebody who waits hears how far it is, in milliseconds. */
const REPORT_EVERY_MS = 500;

const input = z.object({
  how: z.enum(["move", "copy"]),
  from: z.string().min(1),
  /** The new path itself, not the directory around it. */
  to: z.string().min(1),
  conflict: conflictSchema,
});

const row = z.union([progressRow, z.object({ done: z.object({ created: z.boolean(), path: z.string().optional() }) })]);

/** `POST /api/pandav/fs/transfer`: lines of progress, then one that says where it is now. */
export function transferRoute(): StreamRoute<z.output<typeof input>> {
  return {
    method: "POST",
    path: "/api/pandav/fs/transfer",
    summary: "Move or copy a file or directory to a path",
    input,
    row,
    async *rows({ input: { how, conflict, ...asked }, user, rights, vfs, signal }) {
      const [from, to] = [userPath(user, asked.from), userPath(user, asked.to)];
      rights.demandTransfer(how, from, to);
      if (conflict === "replace") await refuseDirectory(vfs, to, signal);
      const { created, path } = yield* withProgress(REPORT_EVERY_MS, signal, (o) =>
        vfs[how](from, to, { conflict, anySize: true, ...o }).catch((error: unknown) => {
          if (conflict !== "fail" || kindOf(error) !== "precondition-failed") throw error;
          throw new StorageError("already-exists", `${asked.to} exists already`);
        }),
      );
      yield [{ done: { created, ...(path !== undefined && { path: shownPath(user, path) }) } }];
    },
  };

  /** A whole directory is never what somebody means by "overwrite". */
  async function refuseDirectory(vfs: Vfs, to: string, signal: AbortSignal): Promise<void> {
    const kind = await vfs.stat(to, { signal }).then(
      (found) => found.kind,
      (error: unknown) => {
        if (kindOf(error) === "not-found") return undefined;
        throw error;
      },
    );
    if (kind === "directory") throw new StorageError("is-a-directory", "the target is a directory", { path: to });
  }
}
