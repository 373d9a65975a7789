import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import { PathError } from "#drivers/contract/path.ts";
import { Registry } from "#drivers/registry.ts";
import { describeMount } from "#test/contract/describeMount.ts";
import type { MountUnderTest } from "#test/contract/mount-under-test.ts";
import { calm } from "#test/contract/steps.ts";
import { underFaults, underStack } from "#test/contract/under-stack.ts";
import { testEnv } from "#test/drivers/env.ts";

const PACKAGE = fileURLToPath(new URL("../outside-driver/", import.meta.url));

/** As the server finds it: by the folder that PANDAV_DRIVERS names. */
async function open(): Promise<MountUnderTest> {
  const registry = new Registry();
  await registry.loadExternalDrivers(["./outside-driver"], fileURLToPath(new URL("..", import.meta.url)));
  const driver = (await registry.find("poems"))!;
  return {
    mount: await driver.open(driver.settings.parse({}), testEnv(), calm()),
    traits: driver.traits,
    holds: [
      {
        path: ["李白", "静夜思.txt"],
        kind: "file",
        content: Buffer.from("床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n"),
      },
      { path: ["李白", "empty.txt"], kind: "file", content: new Uint8Array() },
      {
        path: ["王维", "鹿柴.txt"],
        kind: "file",
        content: Buffer.from("空山不见人，但闻人语响。\n返景入深林，复照青苔上。\n"),
      },
      { path: ["README.md"], kind: "file", content: Buffer.from("# Poems\n\nOne folder per poet.\n") },
    ],
    dispose: async () => undefined,
  };
}

describeMount("a driver from outside", { open });
describeMount("a driver from outside under the stack", { open: underStack(open) });
describeMount("a driver from outside under the stack and seeded faults", { open: underFaults(open, 5) });

describe("a driver in a package of its own", () => {
  it("is found by the path of its folder", async () => {
    const registry = new Registry();
    await registry.loadExternalDrivers([PACKAGE], "/");
    expect((await registry.find("poems"))?.title).toBe("Poems");
  });

  it("throws errors that Pandav knows by name and kind, since it cannot import the class (errors.ts, StorageError)", () => {
    const foreign = Object.assign(new Error("gone"), { name: "StorageError", kind: "not-found" });
    expect(kindOf(foreign)).toBe("not-found");
    expect(foreign instanceof PathError).toBe(false);
    expect(kindOf(Object.assign(new Error("gone"), { name: "StorageError", kind: "gone" }))).toBeUndefined();
    expect(kindOf(Object.assign(new Error("gone"), { kind: "not-found" }))).toBeUndefined();
    expect(new StorageError("locked", "") instanceof PathError).toBe(false);
    expect(new PathError("encoding", "") instanceof StorageError).toBe(true);
  });
});
