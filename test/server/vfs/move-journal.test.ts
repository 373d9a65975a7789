/** What is remembered of files follows their moves over a crash, where ids are paths (architecture.md §5). */
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, it, onTestFinished } from "vitest";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import { local } from "#drivers/local/index.ts";
import type { Vfs } from "#server/vfs/api.ts";
import { forever, openTestVfs } from "#test/support/vfs.ts";

/** A folder with marked files, and what a kill right before and right after the storage's own move would leave. */
async function world() {
  const folder = await mkdtemp(join(tmpdir(), "pandav-moves-"));
  const root = join(folder, "root");
  await mkdir(root);
  let dataDir = "";
  const leave = async (when: string) => {
    await cp(root, join(folder, when, "root"), { recursive: true });
    await cp(dataDir, join(folder, when, "data"), { recursive: true });
  };
  const killed = {
    ...local,
    async open(...of: Parameters<typeof local.open>): Promise<Mount> {
      const mount = await local.open(...of);
      return {
        ...mount,
        async move(...call) {
          await leave("before");
          const outcome = await mount.move!(...call);
          await leave("after");
          return outcome;
        },
      };
    },
  };
  const test = await openTestVfs({ drivers: [killed as unknown as AnyDriver] });
  dataDir = test.dataDir;
  onTestFinished(async () => {
    await test.dispose();
    await rm(folder, { recursive: true, force: true });
  });
  await test.mount({ mountPath: "/l", driver: "local", settings: { root } });
  return {
    vfs: test.vfs,
    /** The next start after the kill: the folder lies where it did. */
    async startAfter(when: "before" | "after"): Promise<Vfs> {
      await rm(root, { recursive: true });
      await cp(join(folder, when, "root"), root, { recursive: true });
      const again = await openTestVfs({
        drivers: [local as unknown as AnyDriver],
        dataDir: join(folder, when, "data"),
      });
      onTestFinished(() => again.dispose());
      return again.vfs;
    },
  };
}

async function put(vfs: Vfs, path: string, content: string, isMarked = true): Promise<void> {
  await vfs.write(path, { stream: Readable.from([content]), size: content.length }, forever);
  if (isMarked) await mark(vfs, path, content);
}

async function mark(vfs: Vfs, path: string, text: string): Promise<void> {
  const property = { namespace: "u", name: "a", xml: `<a xmlns="u">${text}</a>` };
  await vfs.patchProperties(path, { changes: [{ set: property }] }, forever);
}

async function markOf(vfs: Vfs, path: string): Promise<string | undefined> {
  const { properties } = await vfs.stat(path, forever);
  return properties?.[0] && />(.*)</.exec(properties[0].xml)?.[1];
}

const REPLACE = { ...forever, conflict: "replace" } as const;

it.each(["before", "after"] as const)("a file keeps its property where the crash comes %s the move", async (when) => {
  const { vfs, startAfter } = await world();
  await put(vfs, "/l/one", "first");
  await vfs.move("/l/one", "/l/two", REPLACE);
  const again = await startAfter(when);
  expect(await markOf(again, when === "before" ? "/l/one" : "/l/two")).toBe("first");
  const free = when === "before" ? "/l/two" : "/l/one";
  await put(again, free, "fresh", false);
  expect(await markOf(again, free)).toBeUndefined();
});

it.each(["before", "after"] as const)(
  "a replaced file's property is not shown on what came, nor lost before (%s)",
  async (when) => {
    const { vfs, startAfter } = await world();
    await put(vfs, "/l/one", "plain", false);
    await put(vfs, "/l/two", "marked");
    await vfs.move("/l/one", "/l/two", REPLACE);
    const again = await startAfter(when);
    expect(await markOf(again, "/l/two")).toBe(when === "before" ? "marked" : undefined);
  },
);

it("a directory and all in it keep theirs, also in a new start after that", async () => {
  const { vfs, startAfter } = await world();
  await vfs.makeDirectory("/l/from", forever);
  await mark(vfs, "/l/from", "directory");
  await put(vfs, "/l/from/inner", "inner");
  await vfs.move("/l/from", "/l/to", REPLACE);
  const again = await startAfter("after");
  expect([await markOf(again, "/l/to"), await markOf(again, "/l/to/inner")]).toEqual(["directory", "inner"]);
});
