/** The npm package as a person installs it: packed, then `npm i -g` into a prefix of its own, by the machine's npm and Node. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type ProgramResult, runProgram } from "#test/clients/run-program.ts";
import { PROJECT_ROOT } from "#test/support/server.ts";

/** Unpacking the pinned Node is the longest part: 8 s on two cores. */
const WITHIN_MS = 150_000;

export interface InstalledPackage {
  /** The program that npm put on the PATH. */
  readonly pandav: string;
  /** Where the package is. */
  readonly folder: string;
  /** Of the package as it is published, in bytes. */
  readonly tarballSize: number;
  /** Environment in which `node` is the machine's own. */
  readonly env: Readonly<Record<string, string>>;
  remove(): void;
}

/** Packs this checkout and installs the package, and other packages beside it. Throws with npm's own words when it fails. */
export async function installPackage(beside: readonly string[]): Promise<InstalledPackage> {
  const top = mkdtempSync(join(tmpdir(), "pandav-pack-"));
  const remove = () => rmSync(top, { recursive: true, force: true });
  const env = { PATH: pathOfTheMachine() };
  const npm = async (...args: string[]) => {
    const result = await runProgram("npm", args, { withinMs: WITHIN_MS, env, cwd: PROJECT_ROOT });
    if (result.code !== 0) throw new Error(explain(args, result));
    return result.stdout.trim();
  };
  try {
    await npm("pack", "--pack-destination", top);
    const tarball = join(top, readdirSync(top).find((name) => name.endsWith(".tgz")) ?? "");
    const prefix = join(top, "prefix");
    // Another prefix would also mean another file of settings, and with it perhaps another registry.
    const settings = ["--globalconfig", await npm("config", "get", "globalconfig")];
    // Packages beside it as copies: a link would lead back into the checkout.
    const quickly = ["--prefer-offline", "--no-audit", "--no-fund", "--install-links"];
    await npm("install", "--global", "--prefix", prefix, ...settings, ...quickly, tarball, ...beside);
    return {
      pandav: join(prefix, "bin", "pandav"),
      folder: join(prefix, "lib", "node_modules", "pandav"),
      tarballSize: statSync(tarball).size,
      env,
      remove,
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Without the folders that npm puts before it, where `node` is the pinned one. */
function pathOfTheMachine(): string {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.filter((folder) => !/[\\/]node_modules[\\/]/.test(folder)).join(delimiter);
}

function explain(args: readonly string[], { code, stdout, stderr }: ProgramResult): string {
  const unreachable = /\b(ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT)\b/.exec(
    stderr,
  );
  const why = unreachable
    ? `the dependencies are neither in npm's cache nor to be had from its registry (${unreachable[1]})`
    : `it ended with ${code}`;
  return `npm ${args.join(" ")}: ${why}\n${stdout}${stderr}`;
}
