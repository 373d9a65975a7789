/** The drivers and their forms (alist-api.md §12.2). */
import { z } from "@hono/zod-openapi";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { nameOfDriver, toDriverInfo } from "../driver-form.ts";
import { ApiError } from "../envelope.ts";
import { driverInfoSchema, nothing } from "../schemas.ts";

/** Adds `/api/admin/driver/*`. */
export function driverRoutes(app: ApiApp, deps: ApiDeps): void {
  const { catalogue } = deps;

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/driver/list",
      summary: "Every driver's form, by its name",
      access: "admin",
      input: nothing,
      output: z.record(z.string(), driverInfoSchema),
    },
    async () => Object.fromEntries((await catalogue.drivers()).map((one) => [nameOfDriver(one), toDriverInfo(one)])),
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/driver/names",
      summary: "The names of the drivers",
      access: "admin",
      input: nothing,
      output: z.array(z.string()),
    },
    async () => (await catalogue.drivers()).map(nameOfDriver),
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/admin/driver/info",
      summary: "One driver's form",
      access: "admin",
      input: z.object({ driver: z.string().default("") }),
      output: driverInfoSchema,
    },
    async ({ input }) => {
      const definition = await catalogue.driver(input.driver);
      if (!definition) throw new ApiError(404, `driver [${input.driver}] not found`);
      return toDriverInfo(definition);
    },
  );
}
