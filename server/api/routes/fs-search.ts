/** Searching names (alist-api.md §6). */
import { z } from "@hono/zod-openapi";
import { parentOf } from "#drivers/contract/path.ts";
import type { FoundName } from "../../vfs/search/searching.ts";
import { wantedOf } from "../../vfs/search/words.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ApiError } from "../envelope.ts";
import { typesOf } from "../objects.ts";
import { pageOf } from "../page.ts";
import { userPath } from "../user-path.ts";
import { wireInt, wireText } from "../wire-fields.ts";

/** So many are counted to the end; where there are more, `total` is what is known: at least a page more than was asked for. */
const COUNTED = 500;

/** Hits beyond which no page is given: the words are too few. */
const DEEPEST = 100_000;

const hit = z.object({ parent: z.string(), name: z.string(), is_dir: z.boolean(), size: z.number(), type: z.int() });

/** Adds `/api/fs/search`. */
export function fsSearchRoutes(app: ApiApp, deps: ApiDeps): void {
  const { settings } = deps;
  declare(
    app,
    deps,
    {
      method: "any",
      path: "/api/fs/search",
      takesFolderPassword: true,
      summary: "Find names below a directory among all that was ever listed",
      access: "guest",
      input: z.object({
        parent: wireText(),
        keywords: wireText(),
        scope: wireInt(),
        page: wireInt(),
        per_page: wireInt(),
        password: wireText(),
      }),
      output: pageOf(hit),
    },
    async ({ input, caller: { user }, vfs, signal }) => {
      if (settings.get("search_index") === "none") throw new ApiError(404, "search not available");
      const { page = 0, per_page = 0, scope = 0 } = input;
      if (page < 1 || per_page < 1) throw new ApiError(400, "page can't < 1");
      if (page * per_page > DEEPEST)
        throw new ApiError(400, "there are too many pages before this: search for more words");
      const kind = ([undefined, "directory", "file"] as const)[scope];
      const wanted = { ...wantedOf(input.keywords), ...(kind && { kind }) };
      const from = (page - 1) * per_page;
      const enough = Math.max(COUNTED, (page + 1) * per_page);
      const content: FoundName[] = [];
      let total = 0;
      const o = { signal, atOnce: enough };
      for await (const found of vfs.search(userPath(user, input.parent || "/"), wanted, o)) {
        content.push(...found.slice(Math.max(0, from - total), Math.max(0, from + per_page - total)));
        total += found.length;
        if (total >= enough) break;
      }
      const typeOf = typesOf(settings);
      return { content: content.map((one) => toHit(one, typeOf)), total };
    },
  );
}

/** AList's parent is the full path, whatever the user's base path, which its front end takes off (alist-api.md §6). */
function toHit({ path, name, kind, size = 0 }: FoundName, typeOf: (name: string) => number): z.input<typeof hit> {
  const isDirectory = kind === "directory";
  return {
    parent: parentOf(path),
    name,
    is_dir: isDirectory,
    size: isDirectory ? 0 : size,
    type: isDirectory ? 1 : typeOf(name),
  };
}
