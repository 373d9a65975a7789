import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cleanEnvironment, PROJECT_ROOT } from "#test/support/server.ts";
import { installPandav, runShell } from "#test/support/shell.ts";
import { withTools } from "#test/support/tools.ts";

/** The program, its output so far, and its end. */
interface Running {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exited: Promise<number | null>;
}

function start(program: string, args: readonly string[]): Running {
  const child = spawn(program, args, { cwd: PROJECT_ROOT, stdio: ["ignore", "pipe", "pipe"], env: cleanEnvironment() });
  const texts = [child.stdout, child.stderr].map((stream) => {
    let text = "";
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    return () => text;
  });
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, stdout: texts[0]!, stderr: texts[1]!, exited };
}

/** What the text says once it says it. */
async function awaited({ stdout, stderr }: Running, pattern: RegExp): Promise<RegExpExecArray> {
  for (const deadline = Date.now() + 20_000; ; await sleep(20)) {
    const found = pattern.exec(stdout());
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`nothing like ${pattern} was printed:\n${stdout()}${stderr()}`);
  }
}

/** Starts it as a person does, and resolves when it has said what to try. */
async function startDemo(): Promise<Running> {
  const demo = start("npm", ["run", "demo", "--silent"]);
  await awaited(demo, /^Ctrl-C ends it/m);
  return demo;
}

const dataFolderOf = (guide: string) => /^ {2}export PANDAV_DATA=(\S+)$/m.exec(guide)?.[1] ?? "";

withTools(["npm", "curl"])("npm run demo", () => {
  let folder: string;
  let bin: string;
  let demo: Running;
  let guide: string;
  /** The lines to paste; `npx` is short-cut, since npm's own start would be most of the time. */
  let lines: string[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-demo-test-"));
    bin = installPandav(join(folder, "bin"));
    writeFileSync(join(bin, "npx"), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
    demo = await startDemo();
    guide = demo.stdout();
    lines = [...guide.matchAll(/^ {2}(\S.*)$/gm)].map(([, line = ""]) => line);
  }, 60_000);
  afterAll(async () => {
    demo.child.kill("SIGTERM");
    await demo.exited;
    // A request that the simulator would refuse is told there.
    expect(demo.stderr()).toBe("");
    rmSync(folder, { recursive: true, force: true });
  });

  const sh = (script: string) =>
    runShell(script, { bin, cwd: PROJECT_ROOT, env: { PANDAV_DATA: dataFolderOf(guide) }, withinMs: 30_000 });
  /** The one printed line that begins so. */
  const line = (beginning: string) => {
    const found = lines.filter((one) => one.startsWith(beginning));
    expect(found).toHaveLength(1);
    return found[0]!;
  };

  it("prints a WebDAV address that answers, with its user and password", async () => {
    expect(await sh(line("curl "))).toMatchObject({ code: 0, stdout: "A".repeat(391) });
  });

  it("prints command lines that work as they are, one after the other", async () => {
    const looking = lines.slice(lines.indexOf(line("cd ")), lines.indexOf(line("npx pandav logout")));
    expect(looking.length).toBeGreaterThan(5);
    const { code, stdout, stderr } = await sh(`set -e\n${looking.join("\n")}`);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/欢迎\.txt[\s\S]*300M[\s\S]*A{391}[\s\S]*├── README\.md[\s\S]*\/sjtu\n$/);
    const uploaded = await sh(line("curl ").replace("a.txt", "README.md"));
    expect(uploaded.stdout).toBe(readFileSync(join(PROJECT_ROOT, "README.md"), "utf8"));
  });

  it("lets a person log in by QR code: the link that it prints is the phone", async () => {
    expect(await sh(line("npx pandav logout"))).toMatchObject({ code: 0 });
    expect(await sh("pandav cat 欢迎.txt")).toMatchObject({ code: 3 });
    const login = sh(line("npx pandav auth  "));
    const [, link = ""] = await awaited(demo, /^SJTU Pan: a code waits\. .* 林小明 open (http:\S+)/m);
    expect(await (await fetch(link)).text()).toMatch(/Confirmed/);
    const { code, stdout } = await login;
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /█[\s\S]*Scan the code, or open https:[\s\S]*Logged in as 林小明 \(sjtu\), mounted at \/sjtu/,
    );
    expect(stdout).toContain(new URL(link).search);
    expect(await sh("pandav cat 欢迎.txt")).toMatchObject({ code: 0, stdout: "欢迎使用交大云盘。\n" });
  });

  it("has a page on which somebody else scans the code", async () => {
    const phone = /The phone that scans it is (http:\S+)/.exec(guide)?.[1] ?? "";
    expect(await (await fetch(phone)).text()).toMatch(/No code is waiting/);
    const login = sh(line("npx pandav auth --force --mount /xiaohong"));
    const page = async () => (await fetch(phone)).text();
    await expect.poll(page, { timeout: 10_000 }).toMatch(/Confirm as 王小红/);
    const [, action = ""] = /action="([^"]+)"><button>Confirm as 王小红/.exec(await page()) ?? [];
    expect((await fetch(new URL(action, phone), { method: "POST" })).status).toBe(200);
    expect(await login).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/王小红 \(sjtu\), mounted at \/xiaoh/),
    });
    expect(await sh("pandav ls /xiaohong")).toMatchObject({ code: 0, stdout: "docs/\n小红的笔记.md\n" });
    expect((await fetch(new URL(action, phone), { method: "POST" })).status).toBe(410);
    const who = await sh(line("npx pandav whoami"));
    expect(who.stdout).toBe(
      "林小明 (sjtu): logged in, mounted at /sjtu\n王小红 (sjtu): logged in, mounted at /xiaohong\n",
    );
  });

  withTools(["rclone"])("with rclone", () => {
    it("prints lines for rclone that need nothing of its configuration", async () => {
      const all = lines.filter((one) => /^(export RCLONE_|rclone )/.test(one));
      const { code, stdout } = await sh(
        `set -e\nexport RCLONE_CONFIG=/dev/null\n${all.join("\n")}\nrclone cat demo:docs/README.md`,
      );
      expect(code).toBe(0);
      expect(stdout).toMatch(/^ +391 .* a\.txt$/m);
      expect(stdout.endsWith(readFileSync(join(PROJECT_ROOT, "README.md"), "utf8"))).toBe(true);
    });
  });

  it("ends with all that it started when it is told to, and nothing of it stays", async () => {
    const another = await startDemo();
    const dataDir = dataFolderOf(another.stdout());
    const { pid } = JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as { pid: number };
    another.child.kill("SIGINT");
    expect([0, 130]).toContain(await another.exited);
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
    expect(existsSync(dataDir)).toBe(false);
    expect(another.stderr()).toBe("");
  });
});

describe("the demo, where it cannot start", () => {
  it("says in one line that the port is in use", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as { port: number };
    const demo = start(process.execPath, ["test/demo/main.ts", "--port", String(port)]);
    expect(await demo.exited).toBe(2);
    taken.close();
    const said = `demo: port ${port} of 127.0.0.1 is in use: choose another with --port\n`;
    expect([demo.stdout(), demo.stderr()]).toEqual(["", said]);
  });

  it("takes no data folder that is there already: its logins would go to a simulator", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pandav-demo-test-"));
    writeFileSync(join(folder, "pandav.db"), "");
    const demo = start(process.execPath, ["test/demo/main.ts", "--data", folder]);
    expect(await demo.exited).toBe(2);
    rmSync(folder, { recursive: true });
    expect(demo.stderr()).toBe(`demo: ${folder} holds data already: name a new folder with --data\n`);
  });
});
