/** What opening a mount does besides asking its driver. */
import { afterEach, expect, it } from "vitest";
import { z } from "zod";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import { defineDriver } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { CLOUD_TRAITS, createCloud } from "#test/server/layers/cloud.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

let world: TestVfs | undefined;
afterEach(async () => {
  await world?.dispose();
  world = undefined;
});

const cloud = () => {
  const service = createCloud();
  const driver = defineDriver({
    id: "cloud",
    title: "Cloud",
    aliases: [],
    settings: z.object({}),
    traits: CLOUD_TRAITS,
    open: async () => service.mount,
  }) as AnyDriver;
  return { service, driver };
};

/** A replacement that a crash cut off when the new file was verified and the old one gone. */
async function leaveHalfReplaced(service: ReturnType<typeof createCloud>, { store }: TestVfs, storageId: number) {
  service.add("~pandav-1.txt", "new");
  const state = JSON.stringify({
    stage: "swapping",
    parent: service.root,
    name: "a.txt",
    temporary: "~pandav-1.txt",
    old: ["gone"],
  });
  await store.db.insertInto("replacement").values({ storage_id: storageId, state, at: 1 }).execute();
}

async function names({ vfs }: TestVfs): Promise<string[]> {
  const found: string[] = [];
  for await (const page of (await vfs.list("/cloud", forever)).pages()) found.push(...page.map((entry) => entry.name));
  return found;
}

it("finishes what a crash left half replaced before anybody sees the mount (architecture.md §3)", async () => {
  const { service, driver } = cloud();
  world = await openTestVfs({ drivers: [driver] });
  const { id } = await world.mount({ mountPath: "/cloud", driver: "cloud", settings: {} });
  await leaveHalfReplaced(service, world, id);
  world = await world.restart();
  expect(await names(world)).toEqual(["a.txt"]);
  expect(service.content()).toEqual(["a.txt: new"]);
  expect(await world.store.db.selectFrom("replacement").selectAll().execute()).toEqual([]);
});

it("keeps the mount closed while that cannot be finished, and shows the reason", async () => {
  const { service, driver } = cloud();
  world = await openTestVfs({ drivers: [driver] });
  const { id } = await world.mount({ mountPath: "/cloud", driver: "cloud", settings: {} });
  await leaveHalfReplaced(service, world, id);
  service.before = (what) => {
    if (what.startsWith("move")) throw new StorageError("unavailable", "no renames now");
  };
  world = await world.restart();
  await expect(names(world)).rejects.toMatchObject({ kind: "unavailable" });
  expect(await world.store.db.selectFrom("replacement").selectAll().execute()).toHaveLength(1);
});

it("makes no call to a service that was left whole", async () => {
  const { service, driver } = cloud();
  world = await openTestVfs({ drivers: [driver] });
  await world.mount({ mountPath: "/cloud", driver: "cloud", settings: {} });
  world = await world.restart();
  expect(service.calls).toEqual([]);
});
