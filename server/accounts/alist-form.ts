/** AList's own form of a driver's storages, for fronts: what a filled-in one means, and what one of ours looks like in it (architecture.md §4). */
import { z } from "zod";
import { describeConfig, type FieldDescription } from "#drivers/contract/config.ts";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions, Json } from "#drivers/contract/mount.ts";
import { createDriverEnv, type DriverEnvOptions } from "../upstream/env.ts";

type Settings = Readonly<Record<string, unknown>>;

/** What the forms may touch. */
export type FormEnvironment = Pick<DriverEnvOptions, "log" | "upstreams" | "onRequest">;

/** A form that was filled in, taken apart. */
export interface ReadForm {
  readonly settings: Settings;
  /** For the account behind the storage; absent where the form has none. */
  readonly credential?: unknown;
  readonly ratePerSecond?: number;
}

export interface AlistFormDescription {
  readonly fields: readonly FieldDescription[];
  /** Throws `invalid-config`, naming the field, and what a service failed with that had to be asked. */
  read(addition: Settings, o: CallOptions): Promise<ReadForm>;
  /** The form of a storage; its secrets are empty. */
  write(settings: Settings): Settings;
}

/** The form of a driver that has one. */
export function describeAlistForm(driver: AnyDriver, environment: FormEnvironment): AlistFormDescription | undefined {
  const { alist } = driver;
  if (!alist) return undefined;
  return {
    fields: describeConfig(alist.fields),
    async read(addition, o) {
      // Fields that we have no use for are ignored, as AList does.
      const parsed = z.object(alist.fields.shape).safeParse(addition);
      if (!parsed.success) {
        const problems = parsed.error.issues.map((issue) => `${issue.path.join(".") || "addition"}: ${issue.message}`);
        throw new StorageError("invalid-config", problems.join("; "));
      }
      const env = createDriverEnv({ ...environment, name: `form of ${driver.id}` });
      try {
        return (await alist.from(parsed.data as Json, env, o)) as ReadForm;
      } finally {
        await env.close();
      }
    },
    write: (settings) => alist.to(settings) as Settings,
  };
}
