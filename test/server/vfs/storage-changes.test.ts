/** A storage goes, or gets another folder, together with what is remembered of its files (architecture.md §5). */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { local } from "#drivers/local/index.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

const MARK = { namespace: "u", name: "a", xml: '<a xmlns="u">first</a>' };

/** A mount with a marked file, and another folder with a file of the same name; at `cut` a change breaks off, as by a kill. */
async function world(cut: "delete on storage" | "delete on remembered") {
  const folder = await mkdtemp(join(tmpdir(), "pandav-storage-"));
  for (const name of ["first", "second"]) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "same.txt"), name);
  }
  const opened: TestVfs = await openTestVfs({ drivers: [local] });
  const held = { test: opened };
  onTestFinished(async () => {
    await held.test.dispose();
    await rm(folder, { recursive: true, force: true });
  });
  const settings = (name: string) => ({
    mountPath: "/l",
    driver: "local",
    settings: { root: join(folder, name) },
  });
  const { id } = await opened.mount(settings("first"));
  await opened.vfs.patchProperties("/l/same.txt", { changes: [{ set: MARK }] }, forever);
  opened.store.connection.exec(`create trigger cut before ${cut} begin select raise(abort, 'cut off'); end`);
  return {
    vfs: opened.vfs,
    id,
    settings,
    /** Of the file that is mounted then, with its size. */
    async afterRestart() {
      opened.store.connection.exec("drop trigger cut");
      held.test = await opened.restart();
      const { size, properties } = await held.test.vfs.stat("/l/same.txt", forever);
      return { size, properties };
    },
  };
}

it("a removal that is cut off takes nothing from the files", async () => {
  const { vfs, id, afterRestart } = await world("delete on storage");
  await expect(vfs.storages.remove(id)).rejects.toThrow("cut off");
  expect(await afterRestart()).toEqual({ size: "first".length, properties: [MARK] });
});

it("another folder that is cut off takes nothing from the files of the old one", async () => {
  const { vfs, id, settings, afterRestart } = await world("delete on remembered");
  await expect(vfs.storages.update(id, settings("second"), forever)).rejects.toThrow("cut off");
  expect(await afterRestart()).toEqual({ size: "first".length, properties: [MARK] });
});
