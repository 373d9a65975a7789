/** `GET /api/pandav/fs/find`: what of a directory the index of names has, in lines. */
import { z } from "@hono/zod-openapi";
import type { FoundName } from "../../vfs/search/searching.ts";
import { type Wanted, wantedOf, wantedOfGlob } from "../../vfs/search/words.ts";
import type { ApiDeps } from "../deps.ts";
import { ApiError } from "../envelope.ts";
import type { StreamRoute } from "../stream.ts";
import { shownPath, userPath } from "../user-path.ts";

const count = z.coerce.number().int().min(0).optional();

const findInput = z.object({
  path: z.string().min(1),
  /** Words that the name has, each at least its beginning; or, in their place, */
  words: z.string().optional(),
  /** a pattern that the whole name fits. Neither: every name. */
  name: z.string().optional(),
  ignoreCase: z.enum(["true", "false"]).default("false"),
  kind: z.enum(["file", "directory"]).optional(),
  minDepth: count,
  maxDepth: count,
  /** Bytes, both included; only files of known size fit. */
  minSize: count,
  maxSize: count,
});

const foundRow = z
  .object({
    path: z.string(),
    depth: z.int(),
    kind: z.enum(["file", "directory"]),
    size: z.number().optional(),
    sizeIs: z.enum(["exact", "about"]).optional(),
    modifiedAt: z.number().optional(),
  })
  .openapi("FoundEntry");

/** The route. What was never listed is not found, and no storage is asked. */
export function findRoute({ settings }: ApiDeps): StreamRoute<z.output<typeof findInput>> {
  return {
    method: "GET",
    path: "/api/pandav/fs/find",
    summary: "What of all that was ever listed below a directory has a name",
    input: findInput,
    row: foundRow,
    async *rows({ input, user, vfs, signal }) {
      if (settings.get("search_index") === "none") throw new ApiError(404, "search not available");
      const path = userPath(user, input.path);
      const depthOf = (found: string) => partsOf(found) - partsOf(path);
      for await (const found of vfs.search(path, wantedIn(input), { signal })) {
        yield found
          .map((one) => ({ ...one, depth: depthOf(one.path) }))
          .filter((one) => fits(one, input))
          .map(({ name: _, ...row }) => ({ ...row, path: shownPath(user, row.path) }));
      }
    },
  };
}

function wantedIn({ words, name, ignoreCase, kind }: z.output<typeof findInput>): Wanted {
  if (words !== undefined && name !== undefined) throw new ApiError(400, "words and name exclude each other: send one");
  const wanted = name === undefined ? wantedOf(words ?? "") : wantedOfGlob(name, ignoreCase === "true");
  return { ...wanted, ...(kind && { kind }) };
}

function fits(
  { depth, size }: Pick<FoundName, "size"> & { readonly depth: number },
  { minDepth = 0, maxDepth = Number.POSITIVE_INFINITY, minSize, maxSize }: z.output<typeof findInput>,
): boolean {
  if (depth < minDepth || depth > maxDepth) return false;
  if (minSize === undefined && maxSize === undefined) return true;
  return size !== undefined && size >= (minSize ?? 0) && size <= (maxSize ?? Number.POSITIVE_INFINITY);
}

function partsOf(path: string): number {
  return path === "/" ? 0 : path.split("/").length - 1;
}
