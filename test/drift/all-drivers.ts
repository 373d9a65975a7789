/** The drivers of this checkout, found by their folders: what a page must exist for. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import { PROJECT } from "./source-files.ts";

const NOT_DRIVERS = ["contract", "kit"];

/** Every definition that a `drivers/<folder>/index.ts` exports, by id. */
export async function allDrivers(): Promise<readonly AnyDriver[]> {
  const modules = readdirSync(join(PROJECT, "drivers"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !NOT_DRIVERS.includes(entry.name))
    .map((entry) => join(PROJECT, "drivers", entry.name, "index.ts"))
    .filter((file) => existsSync(file));
  const exported = await Promise.all(
    modules.map(async (file) => Object.values((await import(pathToFileURL(file).href)) as Record<string, unknown>)),
  );
  return exported
    .flat()
    .filter(isDriver)
    .sort((a, b) => a.id.localeCompare(b.id));
}

function isDriver(value: unknown): value is AnyDriver {
  return typeof value === "object" && value !== null && "id" in value && "settings" in value && "open" in value;
}
