import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addCanary } from "#test/support/canaries.ts";
import { type HookServer, startHook } from "#test/support/hook-server.ts";
import { runPandav } from "#test/support/pandav.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

const SECRET = "hmac-key-of-the-hook";

describe("pandav notify", () => {
  let folder: string;
  let hook: HookServer;
  let server: RunningServer;
  const pandav = (args: string[], stdin?: string) =>
    runPandav([...args, "--data", join(folder, "data")], stdin === undefined ? {} : { stdin });

  beforeAll(async () => {
    addCanary("key", SECRET);
    folder = mkdtempSync(join(tmpdir(), "pandav-notify-"));
    hook = await startHook();
    server = await startServer({
      dataDir: join(folder, "data"),
      env: { PANDAV_PRIVATE_ADDRESSES: "127.0.0.0/8", PANDAV_SITE_URL: "https://dav.example.com" },
    });
  }, 30_000);
  afterAll(async () => {
    await server.stop();
    await hook.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("sets a channel up without showing its secrets, tests it, and a task that fails is told of", async () => {
    expect((await pandav(["notify", "test"])).stderr).toContain("no channel is set up");
    const asked = await pandav(
      ["notify", "set", "webhook", "--secret", "url", "--secret", "secret"],
      `${hook.url}/hook\n${SECRET}\n`,
    );
    expect([asked.code, asked.stdout]).toEqual([0, ""]);
    expect(await pandav(["notify", "language", "en"])).toMatchObject({ code: 0 });
    expect(await pandav(["notify", "test", "webhook"])).toMatchObject({ code: 0, stdout: "webhook: delivered\n" });
    expect(JSON.parse(hook.posted[0]?.body ?? "")).toMatchObject({ state: "test", url: "https://dav.example.com" });
    const { stdout } = await pandav(["notify", "list", "--json"]);
    expect(JSON.parse(stdout.split("\n")[0] ?? "")).toMatchObject({
      kind: "webhook",
      isSet: true,
      settings: { url: "********", secret: "********" },
    });

    mkdirSync(join(folder, "two"));
    expect((await pandav(["storage", "add", "/two", "local", "--set", `root=${join(folder, "two")}`])).code).toBe(0);
    const login = await fetch(`${server.url}/api/auth/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username: server.user, password: server.password }),
    });
    const { token } = ((await login.json()) as { data: { token: string } }).data;
    await fetch(`${server.url}/api/fs/copy`, {
      method: "POST",
      headers: { Authorization: token, "Content-Type": "application/json" },
      body: JSON.stringify({ src_dir: "/local", dst_dir: "/two", names: ["missing.txt"] }),
    });
    await expect.poll(() => hook.posted.length, { timeout: 10_000 }).toBe(2);
    expect(JSON.parse(hook.posted[1]?.body ?? "")).toMatchObject({
      state: "failed",
      subject: { kind: "task", taskKind: "copy", from: "/local/missing.txt" },
      url: "https://dav.example.com/@manage/tasks",
    });
    hook.answers = [{ status: 500 }];
    expect(await pandav(["notify", "test"])).toMatchObject({ code: 1, stderr: expect.stringContaining("status 500") });
    expect(await pandav(["notify", "set", "pigeon"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("webhook, email, bark"),
    });
    expect(await pandav(["notify", "remove", "webhook"])).toMatchObject({ code: 0 });
  }, 40_000);
});
