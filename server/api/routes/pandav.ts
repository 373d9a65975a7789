/** What AList's wire lacks and our command line and panel need. */
import { z } from "@hono/zod-openapi";
import { ERROR_KINDS } from "#drivers/contract/errors.ts";
import type { StorageInfo } from "../../vfs/api.ts";
import { REPLY_MODES } from "../../vfs/pending/reply-mode.ts";
import { storageAccountSchema, toStorageAccount } from "../account-wire.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ApiError } from "../envelope.ts";
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
    /** True while its content is kept here alone. */
    pending: z.boolean(),
    /** What the upload of its content has failed with. */
    failure: z.object({ message: z.string(), kind: z.enum(ERROR_KINDS).optional() }).optional(),
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
    /** When a write is answered; absent: as the driver needs. */
    writeMode: z.enum(REPLY_MODES).optional(),
    replyWithinMs: z.number().optional(),
    /** What waits here for its upload. */
    pending: z.object({ files: z.int(), bytes: z.number(), failed: z.int() }),
    modifiedAt: z.number(),
    state: z.enum(["starting", "working", "failed", "disabled"]),
    error: z.string().optional(),
    abilities: z.array(z.string()),
    account: storageAccountSchema.optional(),
  })
  .openapi("PandavStorage");

/** How a storage is mounted, whatever its driver. */
const mountSettings = z.object({
  placeholders: z.enum(["auto", "keep", "pass"]).optional(),
  /** `default`: as the driver needs. */
  writeMode: z.enum([...REPLY_MODES, "default"]).optional(),
  /** How long `auto` waits for the storage. */
  replyWithinMs: z.int().min(0).max(3_600_000).optional(),
});

function toMountSettings({ placeholders, writeMode, replyWithinMs }: z.output<typeof mountSettings>) {
  return {
    ...(placeholders !== undefined && { placeholders }),
    ...(writeMode !== undefined && { writeMode }),
    ...(replyWithinMs !== undefined && { replyWithinMs }),
  };
}

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
      const { isMountPoint, pending, failure } = found;
      const facts = { path, name, kind, size, sizeIs, modifiedAt, createdAt, hashes, etag, mountPath };
      return { ...facts, isMountPoint, pending, ...(failure && { failure }) };
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
        account: z.int().optional(),
        ...mountSettings.shape,
      }),
      output: storageSchema,
    },
    async ({ input: { mountPath, driver, settings, remark, order, delivery, account, ...mount }, signal }) => {
      const definition = await catalogue.driver(driver);
      const info = await vfs.storages.add(
        {
          mountPath,
          driver,
          settings: definition ? fromText(definition, unmaskSettings(definition, settings)) : settings,
          ...(remark !== undefined && { remark }),
          ...(order !== undefined && { order }),
          ...(delivery !== undefined && { delivery }),
          ...(account !== undefined && { account }),
          ...toMountSettings(mount),
        },
        { signal },
      );
      return shown(info);
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/storages/set",
      summary: "Change some settings of a storage; those that are not named stay",
      access: "admin",
      source: "json",
      input: z.object({
        id: z.int(),
        settings: z.record(z.string(), z.unknown()).default({}),
        remark: z.string().optional(),
        delivery: z.enum(["auto", "proxy", "redirect"]).optional(),
        ...mountSettings.shape,
      }),
      output: storageSchema,
    },
    async ({ input: { id, settings, remark, delivery, ...mount }, signal }) => {
      const info = vfs.storages.get(id);
      if (!info) throw new ApiError(404, `there is no storage ${id}`);
      const definition = await catalogue.driver(info.driver);
      const changed = definition ? fromText(definition, unmaskSettings(definition, settings, info.settings)) : settings;
      const kept = { mountPath: info.mountPath, driver: info.driver, order: info.order, remark: info.remark };
      const now = await vfs.storages.update(
        id,
        {
          ...kept,
          settings: { ...info.settings, ...changed },
          delivery: delivery ?? info.delivery,
          ...(info.freshness && { freshness: info.freshness }),
          ...(remark !== undefined && { remark }),
          ...toMountSettings(mount),
        },
        { signal },
      );
      return shown(now);
    },
  );

  async function shown(info: StorageInfo): Promise<z.input<typeof storageSchema>> {
    const { id, mountPath, driver, provider, order, remark, disabled, delivery, placeholders, pending } = info;
    const { modifiedAt, state, error, writeMode, replyWithinMs } = info;
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
      pending,
    };
    return {
      ...mount,
      ...(writeMode && { writeMode }),
      ...(replyWithinMs !== undefined && { replyWithinMs }),
      state,
      ...(error !== undefined && { error }),
      abilities,
      ...(info.account && { account: toStorageAccount(info.account) }),
    };
  }
}
