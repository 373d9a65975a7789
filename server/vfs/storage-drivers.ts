/** Which driver a storage has, also where that driver is gone, and what its settings say in the driver's own terms. */
import { z } from "zod";
import type { AnyDriver, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { DriverSource } from "../accounts/catalogue.ts";

/** The drivers of storages; what AList calls them is remembered as they are met. */
export class StorageDrivers {
  readonly #source: DriverSource;
  readonly #log: Log;
  readonly #providers = new Map<string, string>();

  constructor(source: DriverSource, log: Log) {
    this.#source = source;
    this.#log = log;
  }

  /** The driver that somebody names. Throws `invalid-config` where there is none. */
  async named(idOrAlias: string): Promise<AnyDriver> {
    const definition = await this.#source.find(idOrAlias);
    if (definition) return this.#met(definition);
    throw new StorageError(
      "invalid-config",
      `unknown driver "${idOrAlias}": there are ${this.#source.ids().join(", ")}`,
    );
  }

  /** The driver of a stored storage. One whose driver is gone stays mounted, so that its paths fail instead of not existing. */
  async stored(id: string): Promise<AnyDriver> {
    const definition = await this.#source.find(id).catch((error: unknown) => {
      this.#log.warn({ driver: id, err: error }, "a driver could not be loaded");
      return undefined;
    });
    return definition ? this.#met(definition) : missingDriver(id);
  }

  /** AList's name of a driver that was met, else its id. */
  providerOf(id: string): string {
    return this.#providers.get(id) ?? id;
  }

  #met(definition: AnyDriver): AnyDriver {
    this.#providers.set(definition.id, definition.aliases[0] ?? definition.title);
    return definition;
  }
}

/** The settings as the driver's schema understands them. Throws `invalid-config`, naming the field. */
export function checkSettings(
  definition: AnyDriver,
  settings: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  // Nobody can say what the settings of a driver that is gone mean; opening it tells why it fails.
  if (definition.open === refuseMissing) return settings;
  const schema = z.strictObject((definition.settings as z.ZodObject).shape);
  const parsed = schema.safeParse(settings);
  if (parsed.success) return parsed.data as Record<string, unknown>;
  const names = Object.keys(schema.shape).join(", ") || "none";
  const problems = parsed.error.issues.map((issue) =>
    issue.code === "unrecognized_keys"
      ? `unknown setting ${issue.keys.join(", ")} (driver ${definition.id} has: ${names})`
      : `setting ${issue.path.join(".") || "?"}: ${issue.message}`,
  );
  throw new StorageError("invalid-config", problems.join("; "));
}

function missingDriver(id: string): AnyDriver {
  return {
    id,
    title: id,
    aliases: [],
    settings: z.looseObject({}),
    traits: { ids: "stable", names: {}, hashes: [], replace: "atomic", collision: "error", freshness: "manual" },
    open: refuseMissing,
  };
}

async function refuseMissing(): Promise<never> {
  throw new StorageError("invalid-config", "the storage's driver is not there: name its package in PANDAV_DRIVERS");
}
