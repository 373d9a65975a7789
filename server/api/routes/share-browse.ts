/** `/api/fs/list` and `/api/fs/get` of a path inside a share, `/@s/<id>/…`: for everybody, where the guest is disabled too (alist-api.md §14). */
import { z } from "@hono/zod-openapi";
import type { Context, Next } from "hono";
import { kindOf } from "#drivers/contract/errors.ts";
import { encodeName, encodePath, joinPath, nameOf, parsePath } from "#drivers/contract/path.ts";
import { sharedLinkText } from "../../auth/shares.ts";
import type { Resource } from "../../vfs/resource.ts";
import { openShared, type SharedPlace } from "../../vfs/shared-files.ts";
import { clientAddress, readInput } from "../declare.ts";
import type { ApiApp, ApiDeps, ApiEnv } from "../deps.ts";
import { dialectOf } from "../dialect.ts";
import { success, toResponse } from "../envelope.ts";
import { parsed } from "../input.ts";
import { pageRequest } from "../listing.ts";
import { createObjects, toTime } from "../objects.ts";
import { publicOrigin } from "../origin.ts";
import type { Obj } from "../schemas.ts";
import { wireInt, wireText } from "../wire-fields.ts";

const browseInput = z.object({ path: wireText(), password: wireText(), page: wireInt(), per_page: wireInt() });
type BrowseInput = z.output<typeof browseInput>;

/** A path inside a share, and the share's id. */
const SHARED = /^\/*@s\/([^/]+)(\/.*)?$/;

/** Answers requests for shares before the routes that ask who calls. */
export function shareBrowsing(app: ApiApp, deps: ApiDeps): void {
  const { auth, vfs, settings } = deps;
  const parts = { vfs, shares: auth.shares, users: auth.users, permissions: auth.permissions };

  const browse =
    (answer: (place: Place, input: BrowseInput, c: Context<ApiEnv>) => Promise<object>) =>
    async (c: Context<ApiEnv>, next: Next) => {
      if (c.req.method !== "GET" && c.req.method !== "POST") return next();
      const sent = await readInput(c, undefined).catch(() => undefined);
      const text = (sent as { path?: unknown } | undefined)?.path;
      const match = typeof text === "string" ? SHARED.exec(text.replaceAll("\\", "/")) : null;
      if (!match) return next();
      const input = parsed(browseInput, sent);
      const [, id = "", below = "/"] = match;
      const inside = parsePath(below);
      const asked = { id, proof: { code: input.password }, inside, address: clientAddress(c) };
      const place = await openShared(parts, asked, c.req.raw.signal);
      return toResponse(success(await answer({ ...place, inside }, input, c)));
    };

  app.use(
    "/api/fs/list",
    browse(async (place, input, c) => {
      const { page, perPage } = pageRequest(input.page, input.per_page, dialectOf(c, settings));
      const from = perPage === -1 ? 0 : (page - 1) * perPage;
      const to = perPage === -1 ? Number.POSITIVE_INFINITY : from + perPage;
      const toObj = writerFor(place);
      const content: Obj[] = [];
      let total = 0;
      for await (const entries of entriesOf(place, c.req.raw.signal)) {
        for (const one of entries.slice(Math.max(0, from - total), Math.max(0, to - total))) content.push(toObj(one));
        total += entries.length;
      }
      const { readme, header } = place.share;
      return {
        content,
        total,
        readme,
        header,
        write: false,
        write_content_bypass: false,
        provider: "unknown",
      };
    }),
  );

  app.use(
    "/api/fs/get",
    browse(async (place, _input, c) => {
      const { share, path, inside } = place;
      const rest = { readme: share.readme, header: share.header, provider: "unknown", related: [] };
      if (path === undefined) return { ...toRoot(share.id), raw_url: "", ...rest };
      const found = await place.vfs.stat(path, { signal: c.req.raw.signal });
      const obj = { ...writerFor(place)(found), ...(found.kind === "directory" && { type: 0 }) };
      if (found.kind === "directory") return { ...obj, raw_url: "", ...rest };
      // A code in an address would be everywhere that addresses are (alist-api.md §21).
      const sign = auth.signatures.sign(sharedLinkText(share, inside), "share");
      const url = `${publicOrigin(c, settings)}/sd/${encodeName(share.id)}${encodePath(inside)}${share.code && `?sign=${sign}`}`;
      return { ...obj, raw_url: url, ...rest };
    }),
  );

  /** Neither where it lies nor a signature that would outlive the share. */
  function writerFor({ share, inside, path }: Place): (resource: Resource) => Obj {
    const { toRow } = createObjects(settings, auth.signatures, { basePath: "/" });
    return (resource) => {
      const at = path === resource.path ? inside : joinPath(inside, nameOf(resource.path));
      return { ...toRow(resource), sign: "", virtual_path: `/@s/${share.id}${at === "/" ? "" : at}` };
    };
  }
}

type Place = SharedPlace & { readonly inside: string };

/** What is in a shared directory, or what was shared; of the latter, what is gone is left out. */
async function* entriesOf({ share, vfs, path }: Place, signal: AbortSignal): AsyncIterable<readonly Resource[]> {
  if (path !== undefined) {
    yield* (await vfs.list(path, { signal })).pages();
    return;
  }
  for (const file of share.files) {
    const found = await vfs.stat(file, { signal }).catch((error: unknown) => {
      if (kindOf(error) === "not-found") return undefined;
      throw error;
    });
    if (found) yield [found];
  }
}

function toRoot(id: string): Obj {
  return {
    ...{ id: "", path: "", virtual_path: `/@s/${id}`, name: id, size: 0, is_dir: true, sign: "", thumb: "", type: 0 },
    ...{ modified: toTime(undefined), created: toTime(undefined), hashinfo: "null", hash_info: null },
  };
}
