import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunOptions, runPandav } from "#test/support/pandav.ts";
import { PROJECT_ROOT, type RunningServer, startServer } from "#test/support/server.ts";

const PACKAGE = join(PROJECT_ROOT, "test/cli/box-in-child.ts");

describe.each(["beside a running server", "without a server"] as const)("pandav auth %s", (where) => {
  let dataDir: string;
  let phone: string;
  let env: Record<string, string>;
  let server: RunningServer | undefined;
  /** All that the runs printed. */
  let printed = "";

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "pandav-auth-"));
    phone = join(dataDir, "phone");
    env = { PANDAV_DRIVERS: PACKAGE, BOX_PHONE: phone };
    if (where === "beside a running server") server = await startServer({ dataDir, env });
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const pandav = async (args: readonly string[], options?: RunOptions) => {
    const result = await runPandav([...args, "--data", dataDir], { env, ...options });
    printed += result.stdout + result.stderr;
    return result;
  };
  const auth = (args: readonly string[] = [], options?: RunOptions) =>
    pandav(["auth", "--kind", "box", ...args], options);
  /** Calls `act` once the process printed `n` addresses. */
  const onAddresses = (n: number, act: () => void) => (child: ChildProcess) => {
    let seen = "";
    child.stdout?.on("data", (chunk) => {
      seen += chunk;
      if ((seen.match(/sig=(\d)\1{63}\n/g) ?? []).length >= n) act();
    });
  };
  const touch = (name: string) => writeFileSync(`${phone}.${name}`, "");

  it("says that nobody is logged in, exit 3", async () => {
    const { code, stderr } = await pandav(["whoami"]);
    expect([code, stderr]).toEqual([3, 'pandav: whoami: nobody is logged in: use "pandav auth"\n']);
  });

  it("gives up when nobody confirms in time, exit 3", async () => {
    const { code, stderr } = await auth(["--url-only", "--timeout", "1"]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/pandav: auth: nobody confirmed the login within 1 s: try again\n$/);
  });

  it("ends with 130 when the user gives up", async () => {
    const onStart = (child: ChildProcess) => onAddresses(1, () => child.kill("SIGINT"))(child);
    expect(await auth(["--url-only"], { onStart })).toMatchObject({ code: 130 });
  });

  it("draws the code and its address within 80 × 40 characters, and the renewed one after it", async () => {
    let act = () => {
      touch("refresh");
      act = () => touch("confirm");
    };
    const onStart = (child: ChildProcess) => {
      let count = 0;
      child.stdout?.on("data", (chunk) => {
        count += (String(chunk).match(/sig=(\d)\1{63}\n/g) ?? []).length;
        if (count === 1 || count === 2) act();
      });
    };
    const { code, stdout, stderr } = await auth([], { onStart });
    expect([code, stderr.replace(/First start[\s\S]*?\n\n|.*\n {2}Account.*\n {2}Files.*\n/, "")]).toEqual([
      0,
      expect.stringMatching(/^Waiting for the login to be confirmed\. .*\n$/),
    ]);
    const [first = "", second = ""] = stdout.split(/^Scan the code, or open .*\n/m);
    for (const code of [first, second]) {
      const lines = code.trimEnd().split("\n");
      expect(lines.length).toBeLessThanOrEqual(36);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    }
    expect(first).not.toBe(second);
    expect(stdout).toMatch(/^Logged in as ann \(box\), mounted at \/box\.\n$/m);
  });

  it("makes the mount, and the one that bare paths mean (architecture.md §9)", async () => {
    expect(await pandav(["use"])).toMatchObject({ code: 0, stdout: "/box\n" });
    expect(await pandav(["cat", "hello.txt"])).toMatchObject({ code: 0, stdout: "hello\n" });
    expect((await pandav(["storage", "list", "--json"])).stdout).toMatch(
      /"account":\{"id":1,"kind":"box","name":"ann"/,
    );
  });

  it("says as whom when somebody is logged in, and asks nothing", async () => {
    const expected = { code: 0, stdout: "Already logged in as ann (box), mounted at /box.\n", stderr: "" };
    expect(await auth()).toEqual(expected);
    expect(await auth(["--url-only"])).toEqual({ code: 0, stdout: "", stderr: expected.stdout });
  });

  it("shows who is logged in", async () => {
    expect(await pandav(["whoami"])).toEqual({
      code: 0,
      stdout: "ann (box): logged in, mounted at /box\n",
      stderr: "",
    });
    const { stdout } = await pandav(["whoami", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      id: 1,
      kind: "box",
      name: "ann",
      loginRequired: false,
      mounts: ["/box"],
    });
  });

  it("forgets a login; what is mounted stays and asks for one, exit 3", async () => {
    const stdout = "Logged out ann (box). /box stays and asks for a login.\n";
    expect(await pandav(["logout"])).toEqual({ code: 0, stdout, stderr: "" });
    expect(await pandav(["whoami"])).toMatchObject({ code: 3, stdout: "ann (box): login required, mounted at /box\n" });
    const failed = await pandav(["cat", "hello.txt"]);
    expect(failed).toMatchObject({ code: 3, stdout: "" });
    expect(failed.stderr).toMatch(/log in again with "pandav auth --kind box"\n$/);
    expect(await pandav(["logout", "nobody"])).toMatchObject({ code: 4 });
  });

  it("logs in with a cookie, a pasted token, or another client's session file", async () => {
    const ann = { code: 0, stdout: "Logged in as ann (box), mounted at /box.\n", stderr: "" };
    expect(await auth(["--cookie", "canary-cookie"])).toEqual(ann);
    expect(await pandav(["cat", "hello.txt"])).toMatchObject({ code: 0, stdout: "hello\n" });
    expect(await auth(["--stdin"], { stdin: "ann:canary-paste\n" })).toEqual(ann);
    const session = join(dataDir, "session.json");
    writeFileSync(session, JSON.stringify({ user: "bob", token: "canary-session" }));
    const bob = { code: 0, stdout: "Logged in as bob (box), mounted at /bob.\n", stderr: "" };
    expect(await auth(["--import", session, "--mount", "/bob"])).toEqual(bob);
    expect(await pandav(["use"])).toMatchObject({ stdout: "/bob\n" });
    expect(await pandav(["logout", "/bob"])).toMatchObject({ code: 0 });
  });

  it("writes the code into a file for --png", async () => {
    const png = join(dataDir, "code.png");
    rmSync(`${phone}.confirm`);
    const { code, stdout } = await auth(["--force", "--png", png], {
      onStart: onAddresses(1, () => touch("confirm")),
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^https:\/\/jaccount\.box\.example\/\S+\nLogged in as ann/);
    expect(readFileSync(png).subarray(1, 4).toString()).toBe("PNG");
    if (process.platform !== "win32") expect(statSync(png).mode & 0o777).toBe(0o600);
  });

  it.each([
    [["--cookie", "canary-dead"], 3, /^pandav: auth: the cookie is over\n$/],
    [["--token", "canary-t"], 2, /has no way to log in by "token": it has qr, cookie\n$/],
    [["--cookie", "canary-c", "--stdin"], 2, /--cookie and --stdin exclude each other/],
    [["--stdin"], 2, /standard input is empty/],
    [["--import", "/nowhere/session.json"], 4, /cannot read '\/nowhere\/session\.json': No such file or directory\n$/],
    [["--import", PACKAGE], 2, /this is no cookie, token or session file of Box\n$/],
    [["--timeout", "0"], 2, /--timeout needs seconds from 1 to 300/],
    [["--kind", "none"], 2, /there is no kind of account "none": there are .*box\n$/],
    [["--flow", "none"], 2, /has no way to log in by "none"/],
  ])("is refused in one line: %j, exit %i", async (args, code, line) => {
    const result = await auth(["--force", ...args]);
    expect([result.code, result.stdout]).toEqual([code, ""]);
    expect(result.stderr).toMatch(line);
    expect(result.stderr.split("\n")).toHaveLength(2);
  });

  it("printed no secret, and wrote none down in the open", async () => {
    expect(printed).not.toContain("canary");
    expect(server?.stderr() ?? "").not.toContain("canary");
    const stored = ["pandav.db", "pandav.db-wal", "tree.db", "tree.db-wal"].map((name) =>
      readIfThere(join(dataDir, name)),
    );
    expect([stored.join("").includes("/box"), stored.join("").includes("canary")]).toEqual([true, false]);
  });
});

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // no write-ahead log while nobody has the database open
  }
}
