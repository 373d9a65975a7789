import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runPandav } from "#test/support/pandav.ts";
import { startServer } from "#test/support/server.ts";

/** More than all buffers between two processes. */
const BIG = 64 * 1024 * 1024;

describe("commands without a server", () => {
  let dataDir: string;
  const ls = () => runPandav(["ls", "/local", "--data", dataDir]);
  const listed = { code: 0, stdout: "big\n", stderr: "" };

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "pandav-sharing-"));
    const server = await startServer({ dataDir });
    await server.stop();
    writeFileSync(join(dataDir, "files", "big"), "");
    truncateSync(join(dataDir, "files", "big"), BIG);
  });
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

  /** Runs `cat` of a big file whose reader takes nothing until it is told to. */
  async function stuckCat() {
    let child: ChildProcess | undefined;
    const done = runPandav(["cat", "/local/big", "--data", dataDir], {
      withinMs: 60_000,
      onStart: (started) => {
        child = started;
        started.stdout?.removeAllListeners("data").pause();
      },
    });
    while (!existsSync(join(dataDir, "control.sock"))) await sleep(10);
    return { child: child!, done };
  }

  it("go through the one that came first, for as long as it runs (a second one works beside it)", async () => {
    const first = await stuckCat();
    expect(existsSync(join(dataDir, "control.sock"))).toBe(true);
    expect(await ls()).toEqual(listed);
    first.child.stdout?.destroy();
    expect(await first.done).toMatchObject({ code: 0, stderr: "" });
    expect(existsSync(join(dataDir, "control.sock"))).toBe(false);
    expect(await ls()).toEqual(listed);
  });

  it("all do their work when many start at once", async () => {
    expect(await Promise.all(Array.from({ length: 5 }, ls))).toEqual(Array.from({ length: 5 }, () => listed));
  });

  it("lose no change when many of them make one at once", async () => {
    const add = (i: number) => runPandav(["storage", "add", `/m${i}`, "memory", "--data", dataDir]);
    const results = await Promise.all([1, 2, 3, 4, 5].map(add));
    expect(results).toEqual(results.map(() => ({ code: 0, stdout: "", stderr: "" })));
    const { stdout } = await runPandav(["storage", "list", "--data", dataDir]);
    expect([...stdout.matchAll(/^\/m\d/gm)]).toHaveLength(5);
  });

  it("take over from one that was killed by SIGKILL", async () => {
    const first = await stuckCat();
    first.child.kill("SIGKILL");
    await first.done;
    expect(await ls()).toEqual(listed);
  });

  it("exit 130 and end the server that they were when interrupted", async () => {
    const first = await stuckCat();
    first.child.kill("SIGINT");
    first.child.stdout?.resume();
    expect(await first.done).toMatchObject({ code: 130, stderr: "" });
    expect(existsSync(join(dataDir, "control.sock"))).toBe(false);
  });

  it("keep a server from starting, which says who has the folder", async () => {
    const first = await stuckCat();
    const serve = await runPandav(["serve", "--port", "0", "--data", dataDir]);
    expect(serve).toMatchObject({ code: 1, stdout: "" });
    expect(serve.stderr).toBe(
      `pandav: serve: the data folder ${dataDir} is in use by process ${first.child.pid}: stop that one, or name another folder with --data\n`,
    );
    first.child.stdout?.destroy();
    await first.done;
  });
});
