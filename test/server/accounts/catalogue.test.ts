import { describe, expect, it } from "vitest";
import { z } from "zod";
import { secret } from "#drivers/contract/config.ts";
import { type AnyDriver, defineDriver } from "#drivers/contract/driver.ts";
import { createCatalogue } from "#server/accounts/catalogue.ts";
import { mountOf, TRAITS } from "#test/server/layers/sample-mount.ts";
import { createBox } from "#test/support/box.ts";

const SHARE = defineDriver({
  id: "box-share",
  title: "Box share",
  aliases: ["Box Share"],
  settings: z.object({
    page: z.number().default(100).meta({ title: "Page", description: "Entries per page." }),
    code: secret({ title: "Code", description: "The share's code." }),
  }),
  traits: TRAITS,
  account: { kind: "box", needed: "for-content" },
  open: async () => mountOf(),
});
const FOLDER = defineDriver({
  id: "folder",
  title: "Folder",
  aliases: [],
  settings: z.object({}),
  traits: TRAITS,
  open: async () => mountOf(),
});

function catalogued() {
  const loads: string[] = [];
  const all: AnyDriver[] = [SHARE, FOLDER];
  const catalogue = createCatalogue({
    ids: () => all.map(({ id }) => id),
    async find(name) {
      loads.push(name);
      return all.find(({ id, aliases }) => id === name || aliases.includes(name));
    },
  });
  return { catalogue, loads };
}

describe("the catalogue", () => {
  it("loads no driver before somebody asks", () => {
    expect(catalogued().loads).toEqual([]);
  });

  it("describes drivers in the registry's order, with the fields of their settings", async () => {
    const drivers = await catalogued().catalogue.drivers();
    expect(drivers.map(({ id }) => id)).toEqual(["box-share", "folder"]);
    expect(drivers[0]).toEqual({
      id: "box-share",
      title: "Box share",
      aliases: ["Box Share"],
      traits: TRAITS,
      account: { kind: "box", needed: "for-content" },
      fields: [
        {
          name: "page",
          type: "number",
          title: "Page",
          description: "Entries per page.",
          required: false,
          default: 100,
        },
        { name: "code", type: "string", title: "Code", description: "The share's code.", required: true, secret: true },
      ],
    });
  });

  it("finds a driver by AList's name, and says when there is none", async () => {
    const { catalogue } = catalogued();
    expect((await catalogue.driver("Box Share"))?.id).toBe("box-share");
    expect(await catalogue.driver("box")).toBeUndefined();
  });

  it("describes kinds of accounts, with the drivers that use them, those that always need one first", async () => {
    const { kind, driver } = createBox();
    const all: AnyDriver[] = [SHARE, FOLDER, driver];
    const catalogue = createCatalogue({
      ids: () => all.map(({ id }) => id),
      find: async (name) => all.find(({ id }) => id === name),
      accounts: { kinds: () => ["box"], find: async () => kind },
    });
    expect(await catalogue.accountKinds()).toMatchObject([
      {
        kind: "box",
        title: "Box",
        flows: [
          { id: "script", title: "Script", fields: [] },
          { id: "cookie", title: "cookie", fields: [{ name: "cookie", secret: true, required: true }] },
        ],
        takesText: true,
        takesSession: true,
        drivers: ["box", "box-share"],
      },
    ]);
    expect(await catalogued().catalogue.accountKinds()).toEqual([]);
  });
});
