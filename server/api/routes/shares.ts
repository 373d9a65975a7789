/** Sharing files with whoever has the address (OpenList's routes, alist-api.md §14). */
import { z } from "@hono/zod-openapi";
import { kindOf } from "#drivers/contract/errors.ts";
import { parsePath } from "#drivers/contract/path.ts";
import type { Rights } from "../../auth/permissions.ts";
import type { Share, ShareInput } from "../../auth/shares.ts";
import type { User } from "../../auth/users.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ROLE_NUMBER } from "../dialect.ts";
import { ApiError } from "../envelope.ts";
import { toTime } from "../objects.ts";
import { pageInput, pageOf, toPage } from "../page.ts";
import { wireBool, wireInt, wireText } from "../wire-fields.ts";

const shareInput = z.object({
  id: wireText(),
  files: z.array(z.string().min(1)),
  expires: z.iso.datetime({ offset: true }).nullish(),
  /** The code that a visitor must show. */
  pwd: wireText(),
  max_accessed: wireInt(),
  disabled: wireBool(),
  remark: wireText(),
  readme: wireText(),
  header: wireText(),
});

const shareSchema = z
  .object({
    id: z.string(),
    files: z.array(z.string()),
    expires: z.string().nullable(),
    /** Shown to the share's owner and administrators, who hand it out. */
    pwd: z.string(),
    accessed: z.int(),
    max_accessed: z.int(),
    disabled: z.boolean(),
    remark: z.string(),
    readme: z.string(),
    header: z.string(),
    order_by: z.string(),
    order_direction: z.string(),
    extract_folder: z.string(),
    creator: z.string(),
    creator_role: z.int(),
  })
  .openapi("Share");

const byId = z.object({ id: z.string().min(1) });
const access = { access: "person", guestMessage: "You are a guest" } as const;

/** Adds `/api/share/*`. */
export function shareRoutes(app: ApiApp, deps: ApiDeps): void {
  const { shares, users } = deps.auth;

  declare(
    app,
    deps,
    {
      method: "any",
      path: "/api/share/list",
      summary: "The caller's shares; an administrator's list is everybody's",
      ...access,
      input: pageInput,
      output: pageOf(shareSchema),
    },
    async ({ input, caller: { user } }) => {
      const { content, total } = toPage(await shares.list(user.role === "admin" ? undefined : user.id), input);
      return { content: await Promise.all(content.map(shown)), total };
    },
  );

  declare(
    app,
    deps,
    { method: "get", path: "/api/share/get", summary: "One share", ...access, input: byId, output: shareSchema },
    async ({ input: { id }, caller: { user } }) => shown(await required(id, user)),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/share/create",
      summary: "Share files, by their full paths",
      ...access,
      source: "json",
      input: shareInput,
      output: shareSchema,
    },
    async ({ input, caller: { user }, rights }) => {
      const wanted = fromWire(input, rights);
      if (input.id !== "" && !rights.mayChooseShareId()) {
        throw new ApiError(403, "permission denied: leave the id empty, and one is made");
      }
      return shown(await shares.create(user.id, wanted, input.id === "" ? undefined : input.id));
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/share/update",
      summary: "Change a share",
      ...access,
      source: "json",
      input: shareInput,
      output: shareSchema,
    },
    async ({ input, caller: { user }, rights }) => {
      await required(input.id, user);
      return shown(await shares.update(input.id, fromWire(input, rights)));
    },
  );

  const changes = {
    delete: (id: string) => shares.remove(id),
    enable: (id: string) => shares.setDisabled(id, false),
    disable: (id: string) => shares.setDisabled(id, true),
  };
  const summaries = { delete: "End a share", enable: "Open a share again", disable: "Close a share for now" };
  for (const action of ["delete", "enable", "disable"] as const) {
    declare(
      app,
      deps,
      {
        method: "post",
        path: `/api/share/${action}`,
        summary: summaries[action],
        ...access,
        source: "query",
        input: byId,
        output: z.null(),
      },
      async ({ input: { id }, caller: { user } }) => {
        await required(id, user);
        await changes[action](id);
        return null;
      },
    );
  }

  /** Somebody else's is none. */
  async function required(id: string, user: User): Promise<Share> {
    const share = await shares.get(id);
    if (!share || (share.userId !== user.id && user.role !== "admin")) throw new ApiError(404, "sharing not found");
    return share;
  }

  async function shown(share: Share): Promise<z.input<typeof shareSchema>> {
    const creator = await users.get(share.userId);
    return {
      id: share.id,
      files: [...share.files],
      expires: share.expiresAt === undefined ? null : toTime(share.expiresAt),
      pwd: share.code,
      accessed: share.accessed,
      max_accessed: share.maxAccessed,
      disabled: share.disabled,
      remark: share.remark,
      readme: share.readme,
      header: share.header,
      order_by: "",
      order_direction: "",
      extract_folder: "",
      creator: creator?.name ?? "",
      creator_role: creator ? ROLE_NUMBER[creator.role] : -1,
    };
  }
}

/** What the caller may share of it, all or nothing. */
function fromWire(input: z.output<typeof shareInput>, rights: Rights): ShareInput {
  const files = input.files.map((file) => parsePath(file.replaceAll("\\", "/")));
  for (const file of files) {
    try {
      rights.demand("share", file);
    } catch (error) {
      if (kindOf(error) !== undefined) throw error;
      throw new ApiError(403, `permission denied to share path [${file}]`);
    }
  }
  return {
    files,
    code: input.pwd,
    expiresAt: input.expires ? Date.parse(input.expires) : undefined,
    maxAccessed: Math.max(0, input.max_accessed ?? 0),
    disabled: input.disabled,
    remark: input.remark,
    readme: input.readme,
    header: input.header,
  };
}
