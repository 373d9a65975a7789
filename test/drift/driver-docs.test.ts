/** Every driver has a page, and the settings on it are the ones it takes. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { allDrivers } from "./all-drivers.ts";
import { settingsTable, splitPage } from "./generated-docs.ts";
import { PROJECT } from "./source-files.ts";

const drivers = await allDrivers();

describe("docs/drivers", () => {
  it("is compared with at least one driver", () => {
    expect(drivers.length).toBeGreaterThan(0);
  });

  it.each(drivers.map((driver) => [driver.id, driver] as const))(
    "%s has a page with its settings as they are (else: node test/drift/write-docs.ts)",
    (id, driver) => {
      const page = join(PROJECT, "docs/drivers", `${id}.md`);
      expect(existsSync(page)).toBe(true);
      expect(splitPage(readFileSync(page, "utf8"), "settings").part).toBe(settingsTable(driver));
    },
  );
});
