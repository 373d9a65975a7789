import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FolderInUse, lockFolder } from "#server/store/lock.ts";
import { cleanEnvironment, PROJECT_ROOT } from "#test/support/server.ts";

/** Takes the lock, says so, makes garbage for the collector as a server does, and stays. */
const HOLDER = `
import { lockFolder } from ${JSON.stringify(join(PROJECT_ROOT, "server", "store", "lock.ts"))};
lockFolder(process.argv[1]);
globalThis.gc();
console.log("held");
setInterval(() => {}, 1000);
`;

describe("the lock of a data folder", () => {
  let dataDir: string;
  let holder: ChildProcess | undefined;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "pandav-lock-"));
  });
  afterEach(async () => {
    if (holder) await end(holder);
    holder = undefined;
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function startHolder(): Promise<ChildProcess> {
    const args = ["--expose-gc", "--input-type=module", "--eval", HOLDER, dataDir];
    holder = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env: cleanEnvironment() });
    await once(holder.stdout!, "data");
    return holder;
  }

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  it("keeps other processes out and names its holder", async () => {
    const { pid } = await startHolder();
    expect(() => lockFolder(dataDir)).toThrow(FolderInUse);
    expect(() => lockFolder(dataDir)).toThrow(`the data folder ${dataDir} is in use by process ${pid}`);
  });

  it("goes with its holder when that is killed by SIGKILL", async () => {
    await end(await startHolder());
    expect(() => lockFolder(dataDir).release()).not.toThrow();
  });

  it("can be had again after it was released, in one process too", () => {
    const first = lockFolder(dataDir);
    expect(() => lockFolder(dataDir)).toThrow(FolderInUse);
    first.release();
    first.release();
    const second = lockFolder(dataDir);
    expect(() => lockFolder(dataDir)).toThrow(`process ${process.pid}`);
    second.release();
  });

  it("makes the folder, for its owner alone", () => {
    const folder = join(dataDir, "new", "folder");
    lockFolder(folder).release();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it("says what to do about a lock file that is none", () => {
    writeFileSync(join(dataDir, "lock"), "something that is certainly no SQLite database".repeat(100));
    expect(() => lockFolder(dataDir)).toThrow(/lock is damaged: remove it/);
  });

  it("says what to do about a data folder that is a file", () => {
    writeFileSync(join(dataDir, "file"), "");
    expect(() => lockFolder(join(dataDir, "file"))).toThrow(/cannot be used \(.*\): name another with --data$/);
  });
});
