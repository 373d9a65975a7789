import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { runPandav } from "#test/support/pandav.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

const DIRECTORIES = 60;

it("goes on with a crawl after kill -9, with what was not listed yet, until every name is found", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pandav-crawl-"));
  const dataDir = join(folder, "data");
  let server: RunningServer | undefined;
  onTestFinished(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  for (let i = 0; i < DIRECTORIES; i++) {
    mkdirSync(join(folder, "files", `目录 ${i}`), { recursive: true });
    writeFileSync(join(folder, "files", `目录 ${i}`, `wanted ${i}.txt`), "");
  }
  const pandav = (...args: string[]) => runPandav([...args, "--data", dataDir], {});
  expect((await pandav("storage", "add", "/one", "local", "--set", `root=${join(folder, "files")}`)).code).toBe(0);
  // Ten a second.
  expect((await pandav("index", "rule", "/one", "--rate", "600")).code).toBe(0);
  server = await startServer({ dataDir });
  expect((await pandav("index", "build")).code).toBe(0);
  const found = async () =>
    (await pandav("find", "/one", "--index", "--words", "wanted")).stdout.split("\n").filter(Boolean);
  for (const round of [10, 25, 40]) {
    while ((await found()).length < round) await sleep(50);
    await server.kill9();
    server = await startServer({ dataDir });
  }
  for (const deadline = Date.now() + 30_000; (await found()).length < DIRECTORIES; await sleep(100)) {
    expect(Date.now()).toBeLessThan(deadline);
  }
  for (const deadline = Date.now() + 10_000; ; await sleep(100)) {
    const tasks = (await pandav("tasks", "list", "-a", "--json")).stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line))
      .filter(({ from }) => from === "/one");
    if (tasks[0].state === "succeeded") {
      expect([tasks.length, tasks[0].totals.directories, tasks[0].totals.files]).toEqual([
        1,
        DIRECTORIES + 1,
        2 * DIRECTORIES,
      ]);
      break;
    }
    expect(Date.now()).toBeLessThan(deadline);
  }
});
