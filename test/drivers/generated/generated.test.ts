import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { describeConfig } from "#drivers/contract/config.ts";
import type { Entry, Mount } from "#drivers/contract/mount.ts";
import { Registry } from "#drivers/registry.ts";
import { calm, within } from "#test/contract/steps.ts";
import { testEnv } from "#test/drivers/env.ts";
import { drivers, generated, generatedCalls, resetGeneratedCalls } from "#test/support/generated-driver.ts";

function open(settings: Record<string, unknown>): Promise<Mount> {
  return generated.open(generated.settings.parse(settings), testEnv(), calm());
}

async function pages(mount: Mount, directory: Entry): Promise<(readonly Entry[])[]> {
  const all: (readonly Entry[])[] = [];
  for await (const page of mount.list(directory, calm())) all.push(page);
  return all;
}

describe("the driver generated", () => {
  beforeEach(() => resetGeneratedCalls());

  it("puts its directories into groups of 1,000, and files into each", async () => {
    const mount = await open({ directories: 2_300, files_per_directory: 3 });
    const [groups] = await pages(mount, await mount.root(calm()));
    expect(groups).toHaveLength(3);
    expect((await pages(mount, groups![2]!)).flat()).toHaveLength(300);
    const [directories] = await pages(mount, groups![0]!);
    const [files] = await pages(mount, directories![999]!);
    expect(files!.map(({ size }) => size)).toEqual([4096, 4096, 4096]);
  });

  it("puts them into the root where it is flat, with one big directory beside", async () => {
    const mount = await open({ directories: 5, flat: true, big_directory: 2_500 });
    const [top] = await pages(mount, await mount.root(calm()));
    expect(top).toHaveLength(6);
    expect((await pages(mount, top![5]!)).map(({ length }) => length)).toEqual([1000, 1000, 500]);
  });

  it("gives what a cloud gives: 19-digit ids, Chinese in half of the names, a hash and a pickcode", async () => {
    const mount = await open({ directories: 0, big_directory: 10_000 });
    const [top] = await pages(mount, await mount.root(calm()));
    const files = (await pages(mount, top![0]!)).flat();
    expect(files.every(({ id }) => /^\d{19}$/.test(id))).toBe(true);
    expect(new Set(files.map(({ id }) => id)).size).toBe(10_000);
    expect(new Set(files.map(({ name }) => name)).size).toBe(10_000);
    expect(files.filter(({ name }) => /[\u4e00-\u9fff]{8}/.test(name))).toHaveLength(5_000);
    expect(files.every(({ hashes }) => /^[0-9a-f]{40}$/.test(hashes!.sha1!))).toBe(true);
    expect(new Set(files.map(({ detail }) => JSON.stringify(detail))).size).toBe(10_000);
    const lengths = files.map(({ name }) => name.length);
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([24, 25]);
  });

  it("counts every call and every page", async () => {
    const mount = await open({ directories: 0, big_directory: 2_500 });
    const [top] = await pages(mount, await mount.root(calm()));
    const [[file]] = (await pages(mount, top![0]!)) as [readonly Entry[]];
    (await mount.read!(file!, undefined, calm())).destroy();
    expect(generatedCalls()).toEqual({ open: 1, root: 1, list: 2, pages: 4, read: 1 });
  });

  it("writes the counts into the file that the settings name", async () => {
    const folder = await mkdtemp(join(tmpdir(), "pandav-generated-"));
    try {
      const file = join(folder, "calls.json");
      const mount = await open({ directories: 10, calls_file: file });
      await pages(mount, await mount.root(calm()));
      await within(5_000, async () => {
        expect(JSON.parse(await readFile(file, "utf8"))).toEqual({ open: 1, root: 1, list: 1, pages: 1, read: 0 });
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("is loadable through PANDAV_DRIVERS, and every setting has a title", async () => {
    const registry = new Registry();
    const path = fileURLToPath(new URL("../../support/generated-driver.ts", import.meta.url));
    await registry.loadExternalDrivers([path], "/");
    expect((await registry.find("generated"))?.id).toBe("generated");
    expect(drivers).toEqual([generated]);
    expect(describeConfig(generated.settings)).toHaveLength(7);
  });
});
