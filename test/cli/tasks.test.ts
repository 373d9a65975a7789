import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runPandav } from "#test/support/pandav.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

const PASSWORD = "a password for tasks";

describe("pandav tasks", () => {
  let folder: string;
  let server: RunningServer;
  const dataDir = () => join(folder, "data");
  const pandav = (...args: string[]) =>
    runPandav([...args, "--data", dataDir()], { env: { PANDAV_ADMIN_PASSWORD: PASSWORD } });
  const ids = async (...args: string[]): Promise<{ id: string; state: string }[]> => {
    const { stdout } = await pandav("tasks", "list", "--json", ...args);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-tasks-"));
    for (const name of ["one", "two"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "one", "a.txt"), "a");
    for (const name of ["one", "two"]) {
      const { code } = await pandav("storage", "add", `/${name}`, "local", "--set", `root=${join(folder, name)}`);
      expect(code).toBe(0);
    }
    server = await startServer({ dataDir: dataDir(), adminPassword: PASSWORD });
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("shows what the server does by itself, runs what failed again, cancels and forgets", async () => {
    const login = await fetch(`${server.url}/api/auth/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username: server.user, password: server.password }),
    });
    const { token } = ((await login.json()) as { data: { token: string } }).data;
    const copy = async (name: string) => {
      const body = JSON.stringify({ src_dir: "/one", dst_dir: "/two", names: [name] });
      const headers = { Authorization: token, "Content-Type": "application/json" };
      const reply = await fetch(`${server.url}/api/fs/copy`, { method: "POST", headers, body });
      return ((await reply.json()) as { data: { tasks: { id: string }[] } }).data.tasks[0]!.id;
    };
    const [good, bad] = [await copy("a.txt"), await copy("missing.txt")];
    for (const deadline = Date.now() + 10_000; (await ids()).length > 0; await sleep(50)) {
      expect(Date.now()).toBeLessThan(deadline);
    }
    expect(readFileSync(join(folder, "two", "a.txt"), "utf8")).toBe("a");
    expect(await ids("--all")).toMatchObject([
      { id: good, state: "succeeded" },
      { id: bad, state: "failed" },
    ]);
    const { stdout } = await pandav("tasks", "list", "-a");
    expect(stdout).toMatch(/^ID +KIND +STATE +DONE +LEFT +WHAT$/m);
    expect(stdout).toMatch(new RegExp(`^${good} +copy +succeeded +1/1, 1/1 +/one/a.txt to /two/a.txt$`, "m"));
    expect(stdout).toMatch(
      new RegExp(`^${bad} +copy +failed +- +/one/missing.txt to /two/missing.txt: .*not found`, "m"),
    );
    writeFileSync(join(folder, "one", "missing.txt"), "here");
    expect(await pandav("tasks", "retry", "--failed")).toEqual({ code: 0, stdout: "", stderr: "" });
    for (const deadline = Date.now() + 10_000; (await ids()).length > 0; await sleep(50)) {
      expect(Date.now()).toBeLessThan(deadline);
    }
    expect(readFileSync(join(folder, "two", "missing.txt"), "utf8")).toBe("here");
    expect(await pandav("tasks", "clear", good, "nope")).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("nope"),
    });
    expect((await ids("-a")).map(({ id }) => id)).toEqual([bad]);
    expect(await pandav("tasks", "clear")).toMatchObject({ code: 0 });
    expect(await ids("-a")).toEqual([]);
    expect(await pandav("tasks", "cancel")).toMatchObject({ code: 2, stderr: expect.stringContaining("tasks list") });
    expect(await pandav("tasks", "cancel", "--all")).toMatchObject({ code: 0 });
  }, 60_000);
});
