/** What AList's wire lacks and our command line and panel need. */
import { z } from "@hono/zod-openapi";
import type { StorageInfo } from "../../vfs/api.ts";
import { storageAccountSchema, toStorageAccount } from "../account-wire.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { fromText, maskSettings, unmaskSettings } from "../storage-form.ts";
import { shownPath, userPath, visibleMount } from "../user-path.ts";

const resourceSchema = z
  .object({
    path: z.string(),
    name: z.string(),
    kind: z.enum(["file", "directory"]),
    size: z.number().optional(),
    sizeIs: z.enum(["exact", "about"]).optional(),
    modifiedAt: z.number().optional(),
    createdAt: z.number().optional(),
    hashes: z.record(z.string(), z.string()).optional(),
    etag: z.string().optional(),
    mountPath: z.string().optional(),
    isMountPoint: z.boolean(),
    pending: z.boolean(),
  })
  .openapi("Resource");

const storageSchema = z
  .object({
    id: z.int(),
    mountPath: z.string(),
    driver: z.string(),
    provider: z.string(),
    settings: z.record(z.string(), z.unknown()),
    order: z.int(),
    remark: z.string(),
    disabled: z.boolean(),
    delivery: z.enum(["auto", "proxy", "redirect"]),
    placeholders: z.enum(["auto", "keep", "pass"]),
    modifiedAt: z.number(),
    state: z.enum(["starting", "working", "failed", "disabled"]),
    error: z.string().optional(),
    abilities: z.array(z.string()),
    account: storageAccountSchema.optional(),
  })
  .openapi("PandavStorage");

/** Adds `/api/pandav/*`, less what has a file of its own. */
export function pandavRoutes(app: ApiApp, deps: ApiDeps): void {
  const { vfs, catalogue } = deps;

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/fs/stat",
      summary: "All that is known of a file or directory",
      access: "guest",
      input: z.object({ path: z.string().default("/") }),
      output: resourceSchema,
    },
    async ({ input, caller: { user }, vfs, signal }) => {
      const found = await vfs.stat(userPath(user, input.path), { signal });
      const { name, kind, size, sizeIs, modifiedAt, createdAt, hashes, etag } = found;
      const path = shownPath(user, found.path);
      const mountPath = found.mountPath === undefined ? undefined : visibleMount(user, found.mountPath);
      const { isMountPoint, pending } = found;
      return { path, name, kind, size, sizeIs, modifiedAt, createdAt, hashes, etag, mountPath, isMountPoint, pending };
    },
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/storages",
      summary: "The storages with their state, settings without secrets",
      access: "admin",
      input: z.object({}),
      output: z.array(storageSchema),
    },
    () => Promise.all(vfs.storages.list().map(shown)),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/storages",
      summary: "Mount a storage; nothing is stored when it cannot be opened",
      access: "admin",
      source: "json",
      input: z.object({
        mountPath: z.string().min(1),
        driver: z.string().min(1),
        settings: z.record(z.string(), z.unknown()).default({}),
        remark: z.string().optional(),
        order: z.int().optional(),
        delivery: z.enum(["auto", "proxy", "redirect"]).optional(),
        placeholders: z.enum(["auto", "keep", "pass"]).optional(),
        account: z.int().optional(),
      }),
      output: storageSchema,
    },
    async ({ input: { mountPath, driver, settings, remark, order, delivery, placeholders, account }, signal }) => {
      const definition = await catalogue.driver(driver);
      const info = await vfs.storages.add(
        {
          mountPath,
          driver,
          settings: definition ? fromText(definition, unmaskSettings(definition, settings)) : settings,
          ...(remark !== undefined && { remark }),
          ...(order !== undefined && { order }),
          ...(delivery !== undefined && { delivery }),
          ...(placeholders !== undefined && { placeholders }),
          ...(account !== undefined && { account }),
        },
        { signal },
      );
      return shown(info);
    },
  );

  async function shown(info: StorageInfo): Promise<z.input<typeof storageSchema>> {
    const { id, mountPath, driver, provider, order, remark, disabled, delivery, placeholders } = info;
    const { modifiedAt, state, error } = info;
    const definition = await catalogue.driver(driver);
    const settings = definition ? maskSettings(definition, info.settings) : {};
    const abilities = Object.entries(info.capabilities ?? {}).flatMap(([name, able]) => (able === true ? [name] : []));
    const mount = {
      id,
      mountPath,
      driver,
      provider,
      settings,
      order,
      remark,
      disabled,
      delivery,
      placeholders,
      modifiedAt,
    };
    return {
      ...mount,
      state,
      ...(error !== undefined && { error }),
      abilities,
      ...(info.account && { account: toStorageAccount(info.account) }),
    };
  }
}
