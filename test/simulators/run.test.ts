import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL("run.ts", import.meta.url));
const HOSTS = ["pan.sjtu.edu.cn", "jaccount.sjtu.edu.cn", "my.sjtu.edu.cn", "s3pan.jcloud.sjtu.edu.cn"];

const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "simulator-"));
  ends.push(() => rmSync(made, { recursive: true }));
  return made;
}

/** Starts the program and reads its first line. */
async function start(
  args: readonly string[],
): Promise<{ child: ChildProcess; origins: Record<string, string>; lines: string[] }> {
  const child = spawn(process.execPath, [SCRIPT, "sjtu-pan", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  ends.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(line));
  await expect.poll(() => lines.length, { timeout: 20_000 }).toBeGreaterThan(0);
  return { child, origins: JSON.parse(lines[0]!).origins, lines };
}

describe("the simulator as a program", () => {
  it("serves unmodified clients over HTTPS under the real host names (sjtu-pan.md §12.6)", async () => {
    const at = folder();
    const [key, cert, seedFile, jar] = ["key.pem", "cert.pem", "seed.json", "jar"].map((name) => join(at, name)) as [
      string,
      string,
      string,
      string,
    ];
    const names = HOSTS.map((host) => `DNS:${host}`).join(",");
    const request = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
    ];
    await run("openssl", [
      ...request,
      "-keyout",
      key,
      "-out",
      cert,
      "-subj",
      "/CN=simulator",
      "-addext",
      `subjectAltName=${names}`,
    ]);
    const { child, origins, lines } = await start([
      "--https",
      "0",
      "--cert",
      cert,
      "--key",
      key,
      "--seed-out",
      seedFile,
      "--sample",
    ]);
    const port = new URL(origins.pan ?? "").port;
    const seed = JSON.parse(readFileSync(seedFile, "utf8"));
    expect(seed.userToken).toHaveLength(128);
    const resolve = HOSTS.flatMap((host) => ["--connect-to", `${host}:443:127.0.0.1:${port}`]);
    const curl = async (...args: string[]) =>
      (await run("curl", ["-sS", "--max-time", "20", "--cacert", cert, ...resolve, ...args])).stdout;

    writeFileSync(jar, `jaccount.sjtu.edu.cn\tFALSE\t/\tTRUE\t0\tJAAuthCookie\t${seed.cookie}\n`);
    const login = "https://pan.sjtu.edu.cn/user/v1/sign-in/sso-login-redirect/xpw8ou8y";
    const landed = await curl("-L", "-b", jar, "-o", "/dev/null", "-w", "%{url_effective}", login);
    const code = new URL(landed).searchParams.get("code");
    const verify = `https://pan.sjtu.edu.cn/user/v1/sign-in/verify-account-login/xpw8ou8y?device_id=x&type=sso&credential=${code}`;
    const { userToken } = JSON.parse(await curl("-X", "POST", verify));
    const { libraryId, spaceId, accessToken } = JSON.parse(
      await curl("-X", "POST", `https://pan.sjtu.edu.cn/user/v1/space/1/personal?user_token=${userToken}`),
    );
    const call = (kind: string, path: string, query: string) =>
      `https://pan.sjtu.edu.cn/api/v1/${kind}/${libraryId}/${spaceId}/${path}?${query}access_token=${accessToken}`;
    const listing = JSON.parse(await curl(call("directory", "", "page=1&page_size=50&")));
    expect(listing.contents.map((one: { name: string }) => one.name)).toContain("欢迎.txt");
    const started = JSON.parse(
      await curl("-X", "PUT", call("file", "docs/curl.txt", "conflict_resolution_strategy=ask&")),
    );
    const headers = Object.entries(started.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
    await curl("-X", "PUT", ...headers, "--data-binary", "hello world", `https://${started.domain}${started.path}`);
    const confirmed = JSON.parse(await curl("-X", "POST", call("file", started.confirmKey, "confirm&")));
    expect([confirmed.path, confirmed.crc64]).toEqual([["docs", "curl.txt"], "5981764153023615706"]);
    expect(await curl("-L", "-r", "6-", call("file", "docs/curl.txt", ""))).toBe("world");
    expect(await curl("-L", call("file", "docs/a.txt", "download=true&"))).toBe("A".repeat(391));

    child.kill("SIGTERM");
    await once(child, "exit");
    expect(child.exitCode).toBe(0);
    expect(JSON.parse(lines.at(-1) ?? "{}")).toMatchObject({ violations: [], counts: { "api.upload-confirm": 1 } });
  });

  it("serves plain HTTP at a port for each host, told apart without their names", async () => {
    const { child, origins } = await start(["--http", "0"]);
    const list = await fetch(`${origins.pan}/user/v1/organization/login-org-list`);
    expect(await list.json()).toMatchObject({ organizationList: [{ corpId: "xpw8ou8y" }] });
    const login = await fetch(`${origins.my}/ui/appmyinfo`, { redirect: "manual" });
    expect(login.headers.get("location")).toMatch(/^https:\/\/jaccount\.sjtu\.edu\.cn\//);
    child.kill("SIGTERM");
    await once(child, "exit");
    expect(child.exitCode).toBe(0);
  });

  it("says how it is used, with exit code 2, when it is used otherwise", async () => {
    const child = spawn(process.execPath, [SCRIPT, "sjtu-pan"], { stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    child.stderr.on("data", (data) => {
      text += data;
    });
    await once(child, "close");
    expect([child.exitCode, text]).toEqual([2, expect.stringContaining("usage: run.ts sjtu-pan")]);
  });
});
