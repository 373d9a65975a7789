/** A file's own address for whoever fetches in this server's place (alist-api.md §6, §8.2). */
import { z } from "@hono/zod-openapi";
import { kindOf } from "#drivers/contract/errors.ts";
import { encodePath } from "#drivers/contract/path.ts";
import type { Vfs } from "../../vfs/api.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { publicOrigin } from "../origin.ts";
import { userPath } from "../user-path.ts";
import { wireText } from "../wire-fields.ts";

const linkSchema = z.object({
  url: z.string(),
  /** Headers that the fetcher must send: none, for a link that needs one is not handed out. */
  header: z.record(z.string(), z.array(z.string())).nullable(),
  /** Nanoseconds for which it is good; null: not known. */
  Expiration: z.number().nullable(),
  concurrency: z.int(),
  part_size: z.int(),
  content_length: z.int(),
});

/** Adds `/api/fs/link`. */
export function fsLinkRoutes(app: ApiApp, deps: ApiDeps): void {
  const { settings, auth } = deps;

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/link",
      summary:
        "Where a file's bytes are: at the service, or here with a signature where the service's link needs more than an address",
      access: "admin",
      input: z.object({ path: wireText(), password: wireText() }),
      output: linkSchema,
    },
    async ({ input, caller: { user }, vfs, signal, c }) => {
      // The full path, whoever asks (alist-api.md §6).
      const path = userPath({ ...user, basePath: "/" }, input.path);
      const { size = 0 } = await vfs.stat(path, { signal });
      const direct = await directLink(vfs, path, signal);
      const rest = { header: null, concurrency: 0, part_size: 0, content_length: size };
      if (direct) {
        const left = direct.expiresAt === undefined ? null : Math.max(0, direct.expiresAt - Date.now()) * 1_000_000;
        return { ...rest, url: direct.url, Expiration: left };
      }
      // The key d says to whoever fetches for us that he was asked already (alist-api.md §8.1).
      const url = `${publicOrigin(c, settings)}/p${encodePath(path)}?d&sign=${auth.signatures.sign(path)}`;
      return { ...rest, url, Expiration: null };
    },
  );

  async function directLink(vfs: Vfs, path: string, signal: AbortSignal) {
    try {
      return await vfs.link(path, { signal });
    } catch (error) {
      if (kindOf(error) === "unsupported") return undefined;
      throw error;
    }
  }
}
