/** Administering the rules of folders (alist-api.md §12.5). */
import { z } from "@hono/zod-openapi";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Meta } from "../../auth/metas.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { pageInput, pageOf, toPage } from "../page.ts";
import { MASK } from "../storage-form.ts";
import { wireBool, wireInt, wireText } from "../wire-fields.ts";

const metaInput = z.object({
  path: z.string().min(1),
  password: wireText(),
  p_sub: wireBool(),
  write: wireBool(),
  w_sub: wireBool(),
  hide: wireText(),
  h_sub: wireBool(),
  readme: wireText(),
  r_sub: wireBool(),
  header: wireText(),
  header_sub: wireBool(),
});

const metaSchema = z
  .object({
    id: z.int(),
    path: z.string(),
    /** Masked where there is one; the mask sent back means unchanged. */
    password: z.string(),
    p_sub: z.boolean(),
    write: z.boolean(),
    w_sub: z.boolean(),
    hide: z.string(),
    h_sub: z.boolean(),
    readme: z.string(),
    r_sub: z.boolean(),
    header: z.string(),
    header_sub: z.boolean(),
    /** OpenList's lists of users with rights of their own in a folder: there are none. */
    read_users: z.array(z.int()),
    read_users_sub: z.boolean(),
    write_users: z.array(z.int()),
    write_users_sub: z.boolean(),
  })
  .openapi("Meta");

const byId = z.object({ id: wireInt().pipe(z.int()) });

/** Adds `/api/admin/meta/*`. */
export function metaRoutes(app: ApiApp, deps: ApiDeps): void {
  const { metas } = deps.auth;

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/meta/list",
      summary: "The folders with rules",
      access: "admin",
      input: pageInput,
      output: pageOf(metaSchema),
    },
    async ({ input }) => toPage(metas.list().map(shown), input),
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/meta/get",
      summary: "The rules of one folder",
      access: "admin",
      input: byId,
      output: metaSchema,
    },
    async ({ input: { id } }) => {
      const found = metas.get(id);
      if (!found) throw new StorageError("not-found", `no folder has rules with the id ${id}`);
      return shown(found);
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/meta/create",
      summary: "Give a folder rules: a password, leave to write, hidden names, words about it",
      access: "admin",
      source: "json",
      input: metaInput,
      output: z.null(),
    },
    async ({ input }) => {
      await metas.create({ ...fromWire(input), password: input.password });
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/meta/update",
      summary: "Change the rules of a folder",
      access: "admin",
      source: "json",
      input: metaInput.extend({ id: z.int() }),
      output: z.null(),
    },
    async ({ input }) => {
      const password = input.password === MASK ? undefined : input.password;
      await metas.update(input.id, { ...fromWire(input), password });
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/meta/delete",
      summary: "Take the rules of a folder away",
      access: "admin",
      source: "query",
      input: byId,
      output: z.null(),
    },
    async ({ input }) => {
      await metas.remove(input.id);
      return null;
    },
  );
}

function fromWire(input: z.output<typeof metaInput>) {
  return {
    path: input.path,
    passwordSub: input.p_sub,
    write: input.write,
    writeSub: input.w_sub,
    hide: input.hide,
    hideSub: input.h_sub,
    readme: input.readme,
    readmeSub: input.r_sub,
    header: input.header,
    headerSub: input.header_sub,
  };
}

function shown(meta: Meta): z.input<typeof metaSchema> {
  return {
    id: meta.id,
    path: meta.path,
    password: meta.hasPassword ? MASK : "",
    p_sub: meta.passwordSub,
    write: meta.write,
    w_sub: meta.writeSub,
    hide: meta.hide,
    h_sub: meta.hideSub,
    readme: meta.readme,
    r_sub: meta.readmeSub,
    header: meta.header,
    header_sub: meta.headerSub,
    read_users: [],
    read_users_sub: false,
    write_users: [],
    write_users_sub: false,
  };
}
