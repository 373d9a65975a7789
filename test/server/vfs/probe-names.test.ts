/** File managers' probes cost a service nothing (webdav.md §5 "Placeholder overlay"). */
import { Readable } from "node:stream";
import { expect, it, onTestFinished } from "vitest";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { systemClock } from "#server/upstream/clock.ts";
import { isProbeName } from "#server/vfs/placeholders/probe-names.ts";
import { forever, openTestVfs } from "#test/support/vfs.ts";

const HOURS_MS = 3600_000;

async function world() {
  let later = 0;
  let listings = 0;
  const plain = createMemoryDriver({ seed: { d: { "a.txt": "hello" } } });
  const driver: AnyDriver = {
    ...plain,
    async open(settings, env, o) {
      const mount = await plain.open(settings as never, env as never, o);
      return {
        ...mount,
        list(directory, options) {
          listings++;
          return mount.list(directory, options);
        },
      };
    },
  };
  const clock = { ...systemClock, now: () => Date.now() + later };
  const test = await openTestVfs({ drivers: [driver], clock });
  onTestFinished(() => test.dispose());
  await test.mount({ mountPath: "/m", driver: "memory", settings: {} });
  const pass = (ms: number) => {
    later += ms;
  };
  return { vfs: test.vfs, listings: () => listings, pass };
}

it("answers them from a listing of any age, and other names from a fresh one alone", async () => {
  const { vfs, listings, pass } = await world();
  await vfs.list("/m/d", forever);
  const before = listings();
  pass(20 * HOURS_MS);
  for (const name of ["desktop.ini", "Thumbs.db", "._a.txt", ".DS_Store", "~$a.docx", "AutoRun.inf", ".hidden"]) {
    await expect(vfs.stat(`/m/d/${name}`, forever)).rejects.toMatchObject({ kind: "not-found" });
  }
  expect(listings()).toBe(before);
  await expect(vfs.stat("/m/d/other.txt", forever)).rejects.toMatchObject({ kind: "not-found" });
  expect(listings()).toBe(before + 1);
});

it("lists a directory that nobody has listed, and finds such a name where it is", async () => {
  const { vfs, listings } = await world();
  const before = listings();
  await expect(vfs.stat("/m/d/desktop.ini", forever)).rejects.toMatchObject({ kind: "not-found" });
  expect(listings()).toBeGreaterThan(before);
  await vfs.write("/m/d/desktop.ini", { stream: Readable.from([Buffer.from("x")]), size: 1 }, forever);
  expect((await vfs.stat("/m/d/desktop.ini", forever)).size).toBe(1);
});

it("counts nothing else among them", () => {
  expect(["desktop.ini.txt", "a._b", "notes", ".bashrc", "~a"].filter(isProbeName)).toEqual([]);
});
