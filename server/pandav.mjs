#!/usr/bin/env -S node --max-semi-space-size=4
// The launcher: plain JavaScript that a Node too old for the TypeScript beside it can still run. It goes on as the pinned Node where it must, or says what is missing.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import module from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const minimum = Number(/\d+/.exec(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.node)[0]);

if (Number(process.versions.node.split(".")[0]) >= minimum) {
  // Stripping types and compiling take half of a start. Kept beside the code, where nobody but its owner can write; where he cannot, nothing is kept.
  module.enableCompileCache?.(join(root, "node_modules", ".cache", "pandav"));
  import("./main.ts");
} else {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const pinned = join(
    root,
    "node_modules",
    `node-${platform}-${process.arch}`,
    "bin",
    process.platform === "win32" ? "node.exe" : "node",
  );
  if (existsSync(pinned)) {
    goOnAs(pinned);
  } else {
    process.stderr.write(
      `pandav: Node.js ${minimum} or newer is needed and this is ${process.versions.node}: install it from https://nodejs.org, or run "npm ci" in ${root}\n`,
    );
    process.exitCode = 1;
  }
}

function goOnAs(node) {
  const child = spawn(node, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`pandav: ${node} cannot be run: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
