/** Real clients while a task does what they asked for (decision 0026). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { changed, openTaskWorld } from "#test/server/tasks/world.ts";
import { startFront } from "#test/webdav/harness.ts";
import { runCadaver } from "./cadaver-run.ts";

/** More signs than neon takes would come while an upload takes this long, in milliseconds. */
const SIGN_EVERY_MS = 2;
const UPLOAD_MS = 1_000;

it("cadaver waits through as many signs of life as neon takes, and is told that the copy is there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pandav-cadaver-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const w = await openTaskWorld({
    seeds: { local: { "big.txt": "0123456789" }, b: {} },
    maxSyncBytes: 3,
    wrap: (driver) =>
      changed(driver, (mount) => ({
        upload: async (...args) => sleep(UPLOAD_MS).then(() => mount.upload!(...args)),
      })),
  });
  const { port } = await startFront(w.vfs, { user: w.admin, tasks: w.tasks, signEveryMs: SIGN_EVERY_MS });
  const server = { url: `http://127.0.0.1:${port}`, user: "admin", password: "secret" };
  const printed = await runCadaver(server, folder, ["copy big.txt /dav/b/big.txt"]);
  expect(printed).toMatch(/Copying .*succeeded/);
  expect(await w.tree("/b")).toEqual({ "big.txt": "0123456789" });
  expect((await w.tasks.list({})).map(({ state }) => state)).toEqual(["succeeded"]);
});
