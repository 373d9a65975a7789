/** Moving and copying with a choice of what happens to namesakes, however long it takes. */
import { z } from "@hono/zod-openapi";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import { parentOf } from "#drivers/contract/path.ts";
import { demand, visiblePath } from "../../auth/permissions.ts";
import type { TransferResult } from "../../vfs/resource.ts";
import type { ApiDeps } from "../deps.ts";
import type { StreamRoute } from "../stream.ts";
import { userPath } from "../user-path.ts";

/** How often somebody who waits hears how far it is, in milliseconds. */
const REPORT_EVERY_MS = 500;

const input = z.object({
  how: z.enum(["move", "copy"]),
  from: z.string().min(1),
  /** The new path itself, not the directory around it. */
  to: z.string().min(1),
  conflict: z.enum(["fail", "replace", "rename"]).default("fail"),
});

const row = z.union([
  z.object({ bytes: z.number() }),
  z.object({ done: z.object({ created: z.boolean(), path: z.string().optional() }) }),
]);

/** `POST /api/pandav/fs/transfer`: lines of progress, then one that says where it is now. */
export function transferRoute({ vfs }: ApiDeps): StreamRoute<z.output<typeof input>> {
  return {
    method: "POST",
    path: "/api/pandav/fs/transfer",
    summary: "Move or copy a file or directory to a path",
    input,
    row,
    async *rows({ input: { how, conflict, ...asked }, user, signal }) {
      const [from, to] = [userPath(user, asked.from), userPath(user, asked.to)];
      const isRename = how === "move" && parentOf(from) === parentOf(to);
      demand(user, isRename ? "rename" : how, from);
      if (!isRename) demand(user, "write", to);
      if (conflict === "replace") await refuseDirectory(to, signal);
      let bytes = 0;
      const onProgress = (sum: number) => {
        bytes = sum;
      };
      let settled: { readonly result: TransferResult } | { readonly error: unknown } | undefined;
      const running = vfs[how](from, to, { conflict, signal, anySize: true, onProgress }).then(
        (result) => {
          settled = { result };
        },
        (error: unknown) => {
          settled = { error };
        },
      );
      for (;;) {
        await Promise.race([running, pause(REPORT_EVERY_MS)]);
        if (settled) break;
        yield [{ bytes }];
      }
      if ("error" in settled) {
        throw kindOf(settled.error) === "precondition-failed" && conflict === "fail"
          ? new StorageError("already-exists", `${asked.to} exists already`)
          : settled.error;
      }
      const { created, path } = settled.result;
      yield [{ done: { created, ...(path !== undefined && { path: visiblePath(user, path) ?? path }) } }];
    },
  };

  /** A whole directory is never what somebody means by "overwrite". */
  async function refuseDirectory(to: string, signal: AbortSignal): Promise<void> {
    const kind = await vfs.stat(to, { signal }).then(
      (found) => found.kind,
      (error: unknown) => {
        if (kindOf(error) === "not-found") return undefined;
        throw error;
      },
    );
    if (kind === "directory") throw new StorageError("is-a-directory", `${to} is a directory`, { path: to });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
