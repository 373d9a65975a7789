#!/usr/bin/env -S MALLOC_ARENA_MAX=2 node --max-semi-space-size=4
// The launcher: plain JavaScript, in the syntax of Node 12, that a Node too old for what it starts can still run. It goes on as the pinned Node where it must, or says what is missing.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import module from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const minimum = majorOf(readJson(join(root, "package.json")).engines.node);
// A checkout has the sources; the npm package has what they were bundled to.
const isCheckout = existsSync(join(root, "server", "main.ts"));

if (majorOf(process.versions.node) >= minimum) {
  keepCompiled();
  import(isCheckout ? "./main.ts" : "../dist/main.js");
} else {
  const pinned = findPinned();
  if (pinned) {
    goOnAs(pinned);
  } else {
    const again = isCheckout ? `run "npm ci" in ${root}` : "install pandav again without --omit=optional";
    refuse(`Node.js ${minimum} or newer is needed and this is ${process.versions.node}: ${remedy(again)}`);
  }
}

/** Compiling takes half of a start. Kept beside the code, where nobody but its owner can write; where he cannot, in the user's own cache. */
function keepCompiled() {
  const { FAILED } = module.constants.compileCacheStatus;
  if (module.enableCompileCache(join(root, "node_modules", ".cache", "pandav")).status !== FAILED) return;
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "pandav");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Another's home, as `sudo` may leave it in the environment: what he writes there would run as us.
    if (process.getuid && statSync(folder).uid !== process.getuid()) return;
    module.enableCompileCache(folder);
  } catch {
    // A user without a home of his own: nothing is kept.
  }
}

/** Our own, nested or hoisted; another's with the same name may be too old. */
function findPinned() {
  const windows = process.platform === "win32";
  try {
    const name = `node-${windows ? "win" : process.platform}-${process.arch}`;
    const manifest = module.createRequire(import.meta.url).resolve(`${name}/package.json`);
    if (majorOf(readJson(manifest).version) < minimum) return undefined;
    return join(dirname(manifest), "bin", windows ? "node.exe" : "node");
  } catch {
    return undefined;
  }
}

function goOnAs(node) {
  const child = spawn(node, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => refuse(`${node} cannot be run (${error.message}): ${remedy()}`));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function remedy(other) {
  return `install Node.js ${minimum} or newer from https://nodejs.org${other ? `, or ${other}` : ""}`;
}

function refuse(message) {
  process.stderr.write(`pandav: ${message}\n`);
  process.exitCode = 2;
}

function majorOf(version) {
  return Number(/\d+/.exec(version)[0]);
}

function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}
