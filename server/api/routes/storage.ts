/** Storages as AList's panel manages them (alist-api.md §12.1). */
import { z } from "@hono/zod-openapi";
import { StorageError } from "#drivers/contract/errors.ts";
import type { StorageInfo } from "../../vfs/api.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ApiError } from "../envelope.ts";
import { toFailure } from "../failures.ts";
import { nothing, storageSchema } from "../schemas.ts";
import { readAddition } from "../storage-addition.ts";
import { storageInput, toStorageInput, toStorageObject } from "../storage-form.ts";
import { wireInt } from "../wire-fields.ts";

/** How long a storage may take to open after it failed, in milliseconds. */
const RELOAD_MS = 60_000;

const byId = z.object({ id: wireInt().pipe(z.int("id is missing")) });

/** Adds `/api/admin/storage/*`. */
export function storageRoutes(app: ApiApp, deps: ApiDeps): void {
  const { vfs, catalogue } = deps;
  const shown = async (info: StorageInfo) => toStorageObject(info, await catalogue.driver(info.driver));

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/storage/list",
      summary: "The storages, in their order",
      access: "admin",
      input: z.object({ page: wireInt(), per_page: wireInt() }),
      output: z.object({ content: z.array(storageSchema), total: z.int() }),
    },
    async ({ input }) => {
      const all = vfs.storages.list();
      const size = input.per_page === undefined || input.per_page <= 0 ? all.length : input.per_page;
      const from = (Math.max(1, input.page ?? 1) - 1) * size;
      return { content: await Promise.all(all.slice(from, from + size).map(shown)), total: all.length };
    },
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/storage/get",
      summary: "One storage",
      access: "admin",
      input: byId,
      output: storageSchema,
    },
    async ({ input }) => shown(required(input.id)),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/storage/create",
      summary: "Mount a storage; nothing is stored when it cannot be opened",
      access: "admin",
      input: storageInput,
      output: z.object({ id: z.int() }),
    },
    async ({ input, signal }) => {
      try {
        const definition = await catalogue.driver(input.driver);
        const { settings, account } = await readAddition(deps.accounts, definition, input.addition, { signal });
        const { id } = await vfs.storages.add({ ...toStorageInput(input, settings), ...account }, { signal });
        return { id };
      } catch (error) {
        // alist-web reads data.id of a failure too (alist-api.md §12.1).
        if (!(error instanceof StorageError)) throw error;
        throw new ApiError(500, toFailure(error, { phrases: false }).envelope.message, { id: 0, kind: error.kind });
      }
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/storage/update",
      summary: "Change a storage; its driver stays",
      access: "admin",
      input: storageInput.extend({ id: wireInt().pipe(z.int("id is missing")) }),
      output: z.null(),
    },
    async ({ input, signal }) => {
      const old = required(input.id);
      const definition = await catalogue.driver(old.driver);
      const named = await catalogue.driver(input.driver);
      if (named?.id !== old.driver) throw new ApiError(500, "driver cannot be changed");
      const { settings, account } = await readAddition(deps.accounts, definition, input.addition, { signal }, old);
      await vfs.storages.update(input.id, { ...toStorageInput(input, settings, old), ...account }, { signal });
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/admin/storage/load_all",
      summary: "Try again what failed to open; answered before it is known how that ends",
      access: "admin",
      source: "query",
      input: nothing,
      output: z.null(),
    },
    async () => {
      for (const { state, mountPath } of vfs.storages.list()) {
        // Asking is what opens it; how it ended stands with the storage.
        if (state === "failed") vfs.stat(mountPath, { signal: AbortSignal.timeout(RELOAD_MS) }).catch(() => {});
      }
      return null;
    },
  );

  const changes = {
    delete: async (info: StorageInfo) => vfs.storages.remove(info.id),
    enable: async (info: StorageInfo, signal: AbortSignal) => {
      if (!info.disabled) throw new ApiError(500, `${info.mountPath} is enabled already`);
      await deps.importer.fillKept(info.id, { signal });
      await vfs.storages.enable(info.id, { signal });
    },
    disable: async (info: StorageInfo) => {
      if (info.disabled) throw new ApiError(500, `${info.mountPath} is disabled already`);
      await vfs.storages.disable(info.id);
    },
  };
  const summaries = {
    delete: "Forget a storage; nothing at the service is touched",
    enable: "Mount a disabled storage again",
    disable: "Unmount a storage and keep its settings",
  };
  for (const action of ["delete", "enable", "disable"] as const) {
    declare(
      app,
      deps,
      {
        method: "post",
        path: `/api/admin/storage/${action}`,
        summary: summaries[action],
        access: "admin",
        source: "query",
        input: byId,
        output: z.null(),
      },
      async ({ input, signal }) => {
        await changes[action](required(input.id), signal);
        return null;
      },
    );
  }

  function required(id: number): StorageInfo {
    const info = vfs.storages.get(id);
    if (!info) throw new ApiError(500, `there is no storage ${id}: record not found`);
    return info;
  }
}
