import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LAUNCHER } from "#test/support/server.ts";

/** No Node is as new, so the launcher meets a Node that is too old for the package. */
const ENGINES = { node: ">=999" };

describe("the launcher under a Node that is too old", () => {
  let root: string;
  let launcher: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "pandav-launcher-"));
    mkdirSync(join(root, "server"));
    launcher = join(root, "server", "pandav.mjs");
    copyFileSync(LAUNCHER, launcher);
    writeFileSync(join(root, "package.json"), JSON.stringify({ type: "module", engines: ENGINES }));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** A program in the place of the pinned Node. */
  function pin(script: string): void {
    const folder = join(root, "node_modules", `node-${process.platform}-${process.arch}`, "bin");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "node"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, "node"), 0o755);
  }

  function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      execFile(process.execPath, [launcher, ...args], { timeout: 10_000 }, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr });
      });
    });
  }

  it("refuses in one line that names the version needed and the remedy", async () => {
    const { code, stdout, stderr } = await run("serve");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^pandav: Node\.js 999 or newer is needed and this is [\d.]+: .*npm ci.*\n$/);
  });

  it("goes on as the pinned Node, with the same arguments and exit code", async () => {
    pin('echo "$@"; exit 7');
    const { code, stdout } = await run("serve", "--port", "1");
    expect({ code, stdout }).toEqual({ code: 7, stdout: `${launcher} serve --port 1\n` });
  });

  it("hands SIGTERM on to the pinned Node and ends as it ends", async () => {
    pin("trap 'echo stopped; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
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
