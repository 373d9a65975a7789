import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LAUNCHER } from "#test/support/server.ts";

/** No Node is as new, so the launcher meets a Node that is too old for the package. */
const TOO_NEW = ">=999";

/** `npm i -g` and a project that depends on Pandav put it at this depth. */
let above: string;
let root: string;
let launcher: string;

beforeEach(() => {
  above = mkdtempSync(join(tmpdir(), "pandav-launcher-"));
  place(join(above, "node_modules", "pandav"));
});
afterEach(() => rmSync(above, { recursive: true, force: true }));

/** A package at `folder` that has only the launcher. */
function place(folder: string): void {
  root = folder;
  launcher = join(root, "server", "pandav.mjs");
  mkdirSync(join(root, "server"), { recursive: true });
  copyFileSync(LAUNCHER, launcher);
}

function needNode(range: string): void {
  writeFileSync(join(root, "package.json"), JSON.stringify({ type: "module", engines: { node: range } }));
}

function run(args: readonly string[] = [], env: Record<string, string> = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const options = { timeout: 10_000, env: { ...process.env, ...env } };
    execFile(process.execPath, [launcher, ...args], options, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

describe("the launcher under a Node that is too old", () => {
  beforeEach(() => needNode(TOO_NEW));

  /** A program in the place of the pinned Node. */
  function pin(script: string, { folder = root, version = "999.0.0" } = {}): void {
    const pinned = join(folder, "node_modules", `node-${process.platform}-${process.arch}`);
    mkdirSync(join(pinned, "bin"), { recursive: true });
    writeFileSync(join(pinned, "package.json"), JSON.stringify({ version }));
    writeFileSync(join(pinned, "bin", "node"), script);
    chmodSync(join(pinned, "bin", "node"), 0o755);
  }

  it("refuses in one line that names the version needed and the remedy, and exits 2", async () => {
    const refusal = /^pandav: Node\.js 999 or newer is needed and this is [\d.]+: .*nodejs\.org.* --omit=optional\n$/;
    expect(await run(["serve"])).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(refusal) });
  });

  it("names npm ci as the remedy in a checkout, where the sources are", async () => {
    writeFileSync(join(root, "server", "main.ts"), "");
    expect((await run()).stderr).toMatch(/^pandav: Node\.js 999 .*nodejs\.org, or run "npm ci" in .*\n$/);
  });

  it("goes on as the pinned Node, with the same arguments and exit code", async () => {
    pin('#!/bin/sh\necho "$@"; exit 7\n');
    const { code, stdout } = await run(["serve", "--port", "1"]);
    expect({ code, stdout }).toEqual({ code: 7, stdout: `${launcher} serve --port 1\n` });
  });

  it("finds a pinned Node that npm put beside the package", async () => {
    pin("#!/bin/sh\necho hoisted\n", { folder: above });
    expect(await run()).toEqual({ code: 0, stdout: "hoisted\n", stderr: "" });
  });

  it("leaves a package of that name alone which is another's and too old", async () => {
    pin("#!/bin/sh\necho wrong\n", { folder: above, version: "20.1.0" });
    expect(await run()).toMatchObject({ code: 2, stdout: "" });
  });

  it("says in one line when the pinned Node cannot be run, and exits 2", async () => {
    pin("#!/no/such/interpreter\n");
    const refusal = /^pandav: \S+ cannot be run \(.*\): install Node\.js 999 or newer from \S+\n$/;
    expect(await run()).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(refusal) });
  });

  it("hands SIGTERM on to the pinned Node and ends as it ends", async () => {
    pin("#!/bin/sh\ntrap 'echo stopped; exit 0' TERM; echo ready; while :; do sleep 0.05; done\n");
    const child = spawn(process.execPath, [launcher], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (text.includes("ready")) child.kill("SIGTERM");
    });
    const [code] = await once(child, "close");
    expect({ code, output }).toEqual({ code: 0, output: "ready\nstopped\n" });
  });
});

describe("the launcher under a Node that is new enough", () => {
  beforeEach(bundle);

  function bundle(): void {
    needNode(">=20");
    mkdirSync(join(root, "dist"));
    writeFileSync(join(root, "dist", "main.js"), 'console.log("bundle");');
  }

  it("starts the bundle where there are no sources, as in the npm package", async () => {
    expect(await run()).toEqual({ code: 0, stdout: "bundle\n", stderr: "" });
  });

  it("starts the sources of a checkout, whatever npm pack left behind", async () => {
    // Outside node_modules, where Node strips types.
    place(above);
    bundle();
    writeFileSync(join(root, "server", "main.ts"), 'console.log("sources" as string);');
    expect(await run()).toEqual({ code: 0, stdout: "sources\n", stderr: "" });
  });

  describe("keeps what Node compiled", () => {
    const home = () => join(above, "cache");
    const userCache = () => ({ XDG_CACHE_HOME: home() });

    it("beside the code", async () => {
      expect(await run([], userCache())).toMatchObject({ code: 0, stderr: "" });
      expect(readdirSync(join(root, "node_modules", ".cache", "pandav"))).not.toEqual([]);
    });

    it("in the user's own cache where the installation cannot be written", async () => {
      // A file where the folder would be stops even root.
      writeFileSync(join(root, "node_modules"), "");
      expect(await run([], userCache())).toEqual({ code: 0, stdout: "bundle\n", stderr: "" });
      expect(readdirSync(join(home(), "pandav"))).not.toEqual([]);
    });

    it("nowhere when neither can be written, and starts all the same", async () => {
      writeFileSync(join(root, "node_modules"), "");
      writeFileSync(home(), "");
      expect(await run([], userCache())).toEqual({ code: 0, stdout: "bundle\n", stderr: "" });
    });
  });
});
