/** What drivers there are, for fronts: what can be mounted and which settings it asks for. */
import { describeConfig, type FieldDescription } from "#drivers/contract/config.ts";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { Registry } from "#drivers/registry.ts";

/** A driver as forms, the command line and the documentation show it. */
export interface DriverDescription {
  readonly id: string;
  readonly title: string;
  /** AList's names, the first being shown as `provider`. */
  readonly aliases: readonly string[];
  readonly fields: readonly FieldDescription[];
  readonly traits: Traits;
  readonly account?: { readonly kind: string; readonly needed: "always" | "for-content" | "never" };
}

/** What the catalogue needs of the driver registry. */
export interface DriverSource {
  ids(): readonly string[];
  /** Loads a driver by its id or one of its aliases. */
  find(idOrAlias: string): Promise<AnyDriver | undefined>;
}

export interface Catalogue {
  /** All drivers in the registry's order. */
  drivers(): Promise<readonly DriverDescription[]>;
  /** Undefined where there is no driver of that id or alias. */
  driver(idOrAlias: string): Promise<DriverDescription | undefined>;
}

/** Our drivers and those of the packages named by `specifiers`, looked for from `fromDirectory`. Throws `invalid-config` that names the package. */
export async function openDrivers(specifiers: readonly string[], fromDirectory: string): Promise<DriverSource> {
  const registry = new Registry();
  await registry.loadExternalDrivers(specifiers, fromDirectory);
  return registry;
}

/** A catalogue over a registry; a driver is loaded when it is first described. */
export function createCatalogue(registry: DriverSource): Catalogue {
  const known = new Map<string, DriverDescription>();
  const describe = async (idOrAlias: string): Promise<DriverDescription | undefined> => {
    const driver = await registry.find(idOrAlias);
    if (!driver) return undefined;
    const description = known.get(driver.id) ?? toDescription(driver);
    known.set(driver.id, description);
    return description;
  };
  return {
    async drivers() {
      const all = await Promise.all(registry.ids().map(describe));
      return all.filter((description) => description !== undefined);
    },
    driver: describe,
  };
}

function toDescription(driver: AnyDriver): DriverDescription {
  return {
    id: driver.id,
    title: driver.title,
    aliases: driver.aliases,
    fields: describeConfig(driver.settings),
    traits: driver.traits,
    ...(driver.account && { account: driver.account }),
  };
}
