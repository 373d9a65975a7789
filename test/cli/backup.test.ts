import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addCanary } from "#test/support/canaries.ts";
import { runPandav } from "#test/support/pandav.ts";
import { PROJECT_ROOT, type RunningServer, startServer } from "#test/support/server.ts";

const PASSPHRASE = "a passphrase for backups";

describe("pandav backup and restore", () => {
  let folder: string;
  let server: RunningServer;
  let file: string;
  const pandav = (args: string[], o: { stdin?: string; env?: Record<string, string> } = {}) => runPandav(args, o);
  const data = (name: string) => ["--data", join(folder, name)];

  beforeAll(async () => {
    addCanary("key", PASSPHRASE);
    folder = mkdtempSync(join(tmpdir(), "pandav-backup-cli-"));
    file = join(folder, "one.pandav-backup");
    writeFileSync(join(folder, "passphrase"), `${PASSPHRASE}\n`);
    server = await startServer({ dataDir: join(folder, "one") });
  }, 30_000);
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("bring a running server's folder to another machine, survive kill -9, and refuse a folder in use", async () => {
    expect((await pandav(["user", "add", "ann", ...data("one")], { stdin: "ann's own password\n" })).code).toBe(0);
    const made = await pandav(["backup", file, "--passphrase-file", join(folder, "passphrase"), ...data("one")]);
    expect([made.code, made.stderr]).toEqual([0, ""]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file).includes("ann")).toBe(false);
    expect(await pandav(["backup", file, ...data("one")], { stdin: PASSPHRASE })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is there already"),
    });
    expect(await pandav(["backup", join(folder, "x"), ...data("one")], { stdin: "short\n" })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("at least 8 characters"),
    });

    const inUse = await pandav(["restore", file, ...data("one")], { env: { PANDAV_BACKUP_PASSPHRASE: PASSPHRASE } });
    expect([inUse.code, inUse.stderr]).toEqual([
      1,
      expect.stringMatching(/in use by process \d+: stop that one first/),
    ]);

    expect((await pandav(["user", "add", "ben", ...data("two")], { stdin: "ben's own password\n" })).code).toBe(0);
    // The old database is aside, and the new one not yet in.
    const child = spawn(process.execPath, ["test/server/backup/restore-child.ts", join(folder, "two"), file, "turn"], {
      cwd: PROJECT_ROOT,
      stdio: ["pipe", "inherit", "inherit"],
    });
    child.stdin.end(PASSPHRASE);
    expect((await once(child, "exit"))[1]).toBe("SIGKILL");
    expect(readdirSync(join(folder, "two"))).toContain("restore.ready");
    // Left by one that was killed while it read another server's database.
    mkdirSync(join(folder, "two", "import-aBcD12"));
    const { stdout } = await pandav(["user", "list", ...data("two")]);
    expect(readdirSync(join(folder, "two"))).not.toContain("import-aBcD12");
    expect(stdout).toMatch(/^\d* *ann /m);
    expect(stdout).not.toContain("ben");

    const done = await pandav(["restore", file, ...data("two")], { stdin: `${PASSPHRASE}\n` });
    expect([done.code, done.stdout]).toEqual([
      0,
      expect.stringMatching(/is the backup of 20.*\nWhat was there is in .*before-restore-/),
    ]);
    expect(
      readdirSync(join(folder, "two")).filter((name) => name.startsWith("before-restore-")).length,
    ).toBeGreaterThan(0);
  }, 60_000);
});
