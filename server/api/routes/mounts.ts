/** What is mounted, as the command line needs it: where paths may begin, which mount bare paths mean, and how full each is. */
import { z } from "@hono/zod-openapi";
import { StorageError } from "#drivers/contract/errors.ts";
import { isWithin, parsePath } from "#drivers/contract/path.ts";
import type { Rights } from "../../auth/permissions.ts";
import type { User } from "../../auth/users.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { failureRow, failureSchema } from "../failures.ts";
import { nothing } from "../schemas.ts";
import { userPath, visibleMount } from "../user-path.ts";

const usage = z
  .object({
    mountPath: z.string(),
    driver: z.string(),
    used: z.number().optional(),
    total: z.number().optional(),
    trashed: z.number().optional(),
    /** Why there are no numbers; only where no path was asked for. */
    failure: failureSchema.optional(),
  })
  .openapi("MountUsage");

/** Adds `/api/pandav/mounts`, `mounts/use` and `usage`. */
export function mountRoutes(app: ApiApp, deps: ApiDeps): void {
  const { vfs, settings, log } = deps;

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/mounts",
      summary: "Where the caller's paths may begin, and which mount bare paths mean",
      access: "guest",
      input: nothing,
      output: z.object({
        mounts: z.array(z.object({ path: z.string(), disabled: z.boolean() })),
        /** The chosen one; it may be gone by now. */
        inUse: z.string().optional(),
      }),
    },
    async ({ caller: { user }, rights }) => {
      const chosen = settings.get("cli_mount_in_use");
      const inUse = chosen === "" ? undefined : mountOf(user, chosen);
      const mounts = mountsOf(rights).map(({ path, disabled }) => ({ path, disabled }));
      return { mounts, ...(inUse !== undefined && { inUse }) };
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/mounts/use",
      summary: "Choose the mount that bare paths of the command line mean",
      access: "admin",
      source: "json",
      input: z.object({ mountPath: z.string().min(1) }),
      output: z.object({ mountPath: z.string() }),
    },
    async ({ input }) => {
      const mountPath = parsePath(input.mountPath);
      if (!vfs.storages.list().some((storage) => storage.mountPath === mountPath)) {
        throw new StorageError("not-found", `no storage is mounted at ${mountPath}`, { path: mountPath });
      }
      await settings.set("cli_mount_in_use", mountPath);
      return { mountPath };
    },
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/usage",
      summary: "How full the storages are; numbers that a storage does not tell are absent",
      access: "guest",
      input: z.object({ path: z.string().optional() }),
      output: z.array(usage),
    },
    async ({ input, caller: { user }, rights, signal }) => {
      if (input.path !== undefined) rights.demandVerb("read", userPath(user, input.path));
      const asked = input.path === undefined ? undefined : vfs.storages.at(userPath(user, input.path));
      if (input.path !== undefined && !asked) {
        throw new StorageError("not-found", `nothing is mounted at ${input.path}`, { path: input.path });
      }
      const shown = mountsOf(rights).filter(({ id, disabled }) => (asked ? id === asked.id : !disabled));
      return Promise.all(
        shown.map(async ({ path, mountPath, driver }) => ({
          mountPath: path,
          driver,
          ...(await (asked ? vfs.usage(mountPath, { signal }) : usageOrFailure(mountPath, signal))),
        })),
      );
    },
  );

  /** One dead mount takes nothing from what the others tell. */
  async function usageOrFailure(mountPath: string, signal: AbortSignal) {
    try {
      return await vfs.usage(mountPath, { signal });
    } catch (error) {
      signal.throwIfAborted();
      return { failure: failureRow(error, log) };
    }
  }

  /** The mounts that a user sees, under his names; the one around his base path is his root. */
  function mountsOf(rights: Rights) {
    return vfs.storages.list().flatMap(({ id, mountPath, driver, disabled }) => {
      const path = rights.isHidden(mountPath) ? undefined : mountOf(rights.user, mountPath);
      return path === undefined ? [] : [{ id, path, mountPath, driver, disabled }];
    });
  }

  /** Of the mounts around a base path, the innermost alone is the root. */
  function mountOf(user: User, mountPath: string): string | undefined {
    const isAround = isWithin(user.basePath, mountPath) && vfs.storages.at(user.basePath)?.mountPath !== mountPath;
    return isAround ? undefined : visibleMount(user, mountPath);
  }
}
