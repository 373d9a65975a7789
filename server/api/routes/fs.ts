/** Looking at files and directories (alist-api.md §6). */
import { z } from "@hono/zod-openapi";
import { StorageError } from "#drivers/contract/errors.ts";
import { encodePath, nameOf, parentOf } from "#drivers/contract/path.ts";
import { AuthError } from "../../auth/auth-error.ts";
import type { User } from "../../auth/users.ts";
import type { Vfs } from "../../vfs/api.ts";
import type { Listing, Resource } from "../../vfs/resource.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { dialectOf } from "../dialect.ts";
import { ApiError, JSON_TYPE } from "../envelope.ts";
import { pageRequest, writePage } from "../listing.ts";
import { createObjects, toTime } from "../objects.ts";
import { publicOrigin } from "../origin.ts";
import { objSchema } from "../schemas.ts";
import { shownPath, userPath } from "../user-path.ts";
import { wireBool, wireInt, wireText } from "../wire-fields.ts";

/** `Refresh` is how the flag is spelled in a query (alist-api.md §2). */
const listInput = z.object({
  path: wireText(),
  password: wireText(),
  page: wireInt(),
  per_page: wireInt(),
  refresh: wireBool(),
  Refresh: wireBool(),
});

const listOutput = z.object({
  content: z.array(objSchema),
  total: z.int(),
  filtered_total: z.int(),
  page: z.int(),
  per_page: z.int(),
  has_more: z.boolean(),
  pages_total: z.int(),
  readme: z.string(),
  header: z.string(),
  write: z.boolean(),
  /** OpenList's: the folder's rule lets him write. */
  write_content_bypass: z.boolean(),
  provider: z.string(),
  pandav_stale_seconds: z.number().optional(),
});

const getOutput = objSchema.extend({
  raw_url: z.string(),
  readme: z.string(),
  header: z.string(),
  provider: z.string(),
  web_proxy: z.boolean(),
  related: z.array(objSchema),
});

/** Adds `/api/fs/list`, `/api/fs/get` and `/api/fs/dirs`. */
export function fsRoutes(app: ApiApp, deps: ApiDeps): void {
  const { settings, auth } = deps;
  const { storages } = deps.vfs;
  const providerOf = (path: string) => storages.at(path)?.provider ?? "unknown";

  declare(
    app,
    deps,
    {
      method: "any",
      path: "/api/fs/list",
      takesFolderPassword: true,
      summary: "What is in a directory",
      access: "guest",
      input: listInput,
      output: listOutput,
    },
    async ({ input, caller: { user }, rights, vfs, signal, c }) => {
      const path = userPath(user, input.path);
      const refresh = input.refresh || input.Refresh;
      refuseEmptyRoot(path);
      const listing = await found(user, path, () => vfs.list(path, { signal, refresh }));
      const { toRow } = createObjects(settings, auth.signatures, user);
      const asked = pageRequest(input.page, input.per_page, dialectOf(c, settings));
      const { content, total, ...paging } = await writePage(listing, asked, toRow);
      const rest = {
        total,
        filtered_total: total,
        ...paging,
        ...rights.wordsAt(path),
        write: vfs.capabilities(path)?.upload === true,
        write_content_bypass: rights.writesByRule(path),
        provider: providerOf(path),
        ...(listing.staleSeconds !== undefined && { pandav_stale_seconds: listing.staleSeconds }),
      };
      return listResponse(content, rest, listing);
    },
  );

  declare(
    app,
    deps,
    {
      method: "any",
      path: "/api/fs/get",
      takesFolderPassword: true,
      summary: "One file or directory",
      access: "guest",
      input: z.object({ path: wireText(), password: wireText() }),
      output: getOutput,
    },
    async ({ input, caller: { user }, rights, vfs, signal, c }) => {
      const path = userPath(user, input.path);
      const resource = await found(user, path, () => vfs.stat(path, { signal }));
      const { toRow, toSingle } = createObjects(settings, auth.signatures, user);
      const obj = toSingle(resource);
      return {
        ...obj,
        raw_url: resource.kind === "file" ? rawUrl(publicOrigin(c, settings), path, obj.sign) : "",
        ...rights.wordsAt(path),
        provider: providerOf(path),
        web_proxy: storages.at(path)?.delivery === "proxy",
        related: (await related(vfs, resource, signal)).map(toRow),
      };
    },
  );

  declare(
    app,
    deps,
    {
      method: "any",
      path: "/api/fs/dirs",
      takesFolderPassword: true,
      summary: "The directories in a directory",
      access: "guest",
      input: z.object({ path: wireText(), password: wireText(), force_root: wireBool() }),
      output: z.array(z.object({ name: z.string(), modified: z.string() })),
    },
    async ({ input, caller: { user }, vfs, signal }) => {
      if (input.force_root && user.role !== "admin") throw new AuthError(403, "Permission denied");
      const path = userPath(input.force_root ? { ...user, basePath: "/" } : user, input.path);
      const listing = await found(user, path, () => vfs.list(path, { signal }));
      const directories: { name: string; modified: string }[] = [];
      for await (const page of listing.entries ? [listing.entries] : listing.pages()) {
        for (const { kind, name, modifiedAt } of page) {
          if (kind === "directory") directories.push({ name, modified: toTime(modifiedAt) });
        }
      }
      return directories;
    },
  );

  /** Where a file's bytes are; whether they come from there or through this server is decided when they are asked for, unless the storage says so. */
  function rawUrl(origin: string, path: string, sign: string): string {
    const storage = storages.at(path);
    const through = storage?.delivery === "proxy" || !storage?.capabilities?.link ? "p" : "d";
    return `${origin}/${through}${encodePath(path)}${sign && `?sign=${sign}`}`;
  }

  /** A not-found below no storage is a missing storage, which clients tell apart (alist-api.md §3). */
  async function found<T>(user: User, path: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof StorageError && error.kind === "not-found" && !storages.at(path)) {
        throw new ApiError(500, `storage not found: nothing is mounted at ${shownPath(user, path)}`);
      }
      throw error;
    }
  }

  function refuseEmptyRoot(path: string): void {
    if (path !== "/" || storages.list().some((storage) => !storage.disabled)) return;
    throw new ApiError(500, "storage not found: please add a storage first");
  }

  /** Siblings that begin with the file's name less its extension: subtitles, lyrics, posters (alist-api.md §6.2). */
  async function related(vfs: Vfs, { kind, path }: Resource, signal: AbortSignal): Promise<readonly Resource[]> {
    if (kind === "directory") return [];
    const { entries } = await vfs.list(parentOf(path), { signal }).catch((error: unknown) => {
      // Who may have the file need not see what lies beside it.
      if (error instanceof AuthError) return { entries: [] };
      throw error;
    });
    const stem = nameOf(path).replace(/\.[^.]*$/, "");
    return (entries ?? []).filter((one) => one.kind === "file" && one.path !== path && one.name.startsWith(stem));
  }
}

/** The envelope around a list that is written already. */
function listResponse(content: readonly Buffer[], rest: object, listing: Listing): Response {
  const head = Buffer.from('{"code":200,"message":"success","data":{"content":');
  const tail = Buffer.from(`,${JSON.stringify(rest).slice(1)}}`);
  return new Response(Buffer.concat([head, ...content, tail]), {
    headers: {
      "Content-Type": JSON_TYPE,
      ...(listing.staleSeconds !== undefined && { "Pandav-Stale": String(Math.round(listing.staleSeconds)) }),
    },
  });
}
