/** A folder of a WebDAV server mounted by davfs2, so that ordinary programs work in it. */
import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { findTool, withTools } from "#test/support/tools.ts";
import { type ProgramResult, runProgram } from "./run-program.ts";

const MOUNT_WITHIN_MS = 30_000;
/** davfs2 sends what is not stored yet before it lets go, and looks only every three seconds whether it has ended. */
const UNMOUNT_WITHIN_MS = 90_000;
const COMMAND_WITHIN_MS = 60_000;
/** Bit of CAP_SYS_ADMIN in the capability sets of `/proc/self/status` (capabilities(7)). */
const CAP_SYS_ADMIN = 21n;

export interface DavfsMount extends AsyncDisposable {
  /** Runs a line of shell inside the mount; resolves to what it printed, and fails when it ends with another status than 0. */
  shell(line: string): Promise<string>;
  /** Resolves when davfs2 has stored what it could and ended. */
  unmount(): Promise<void>;
}

/**
 * `describe` for tests that mount. Only where mounting is impossible are they left out, with a notice that says why; where davfs2 is all that is
 * missing, `withTools` decides.
 */
export function withDavfs2(title: string, body: () => void): void {
  const suite = withTools(["mount.davfs", "curl"]);
  const obstacle = mountObstacle();
  if (obstacle === undefined) {
    suite(title, body);
    return;
  }
  process.stderr.write(`notice: left out, nothing can be mounted here: ${obstacle}: ${title}\n`);
  describe.skip(`${title} (${obstacle})`, () => undefined);
}

/** Why nothing can be mounted here, or undefined when it can. What the kernel alone decides is tried: a right that is listed can still be refused. */
function mountObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return "only root may mount with davfs2";
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  if (((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 0n) return "no CAP_SYS_ADMIN, as in an ordinary container";
  try {
    closeSync(openSync("/dev/fuse", "r+"));
  } catch (error) {
    return `/dev/fuse does not open: ${(error as Error).message}`;
  }
  return refusalToMount();
}

/** What the kernel says to the mount of an empty memory filesystem, where it refuses that to whoever asks. Any other failure is no reason: the tests will show it. */
function refusalToMount(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "pandav-probe-"));
  const run = (name: string, ...args: string[]) =>
    spawnSync(findTool(name) ?? name, args, {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C" },
      timeout: 10_000,
    });
  try {
    const { status, stderr } = run("mount", "-t", "tmpfs", "-o", "size=4k", "pandav-probe", folder);
    if (status === 0) run("umount", folder);
    return status !== 0 && /permission denied|not permitted/i.test(stderr ?? "") ? stderr.trim() : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Mounts `url`. Files are sent as soon as they are closed; with `locks`, whatever is open for writing is locked until then. Disposal unmounts by force
 * what `unmount` did not. The mounted folder must never be touched synchronously from the process that also answers the server's calls.
 */
export async function mountDavfs(
  url: string,
  user: string,
  password: string,
  { locks = false }: { readonly locks?: boolean } = {},
): Promise<DavfsMount> {
  const base = mkdtempSync(join(tmpdir(), "pandav-davfs-"));
  const folder = join(base, "mount");
  const cache = join(base, "cache");
  const secrets = join(base, "secrets");
  const config = join(base, "davfs2.conf");
  // The process of the mount gives up root and must reach its cache.
  chmodSync(base, 0o755);
  mkdirSync(folder);
  mkdirSync(cache);
  chmodSync(cache, 0o777);
  writeFileSync(secrets, `"${url}" "${user}" "${password}"\n`, { mode: 0o600 });
  // Linux 6.16 and newer send requests that do not fit into the default buffer of 16 KiB.
  const settings = [`use_locks ${Number(locks)}`, "ask_auth 0", "delay_upload 0", "buf_size 64", "dir_refresh 1"];
  writeFileSync(config, [...settings, `secrets ${secrets}`, `cache_dir ${cache}`, ""].join("\n"), { mode: 0o600 });
  let mounted = false;
  const remove = () => rmSync(base, { recursive: true, force: true });
  try {
    await succeed("mount.davfs", [url, folder, "-o", `conf=${config}`], MOUNT_WITHIN_MS);
    mounted = true;
  } finally {
    if (!mounted) remove();
  }
  return {
    async shell(line) {
      // Not by `cwd`: starting a program blocks this process until the program is in its folder.
      return (await succeed("bash", ["-euc", `cd "$1"; ${line}`, "bash", folder], COMMAND_WITHIN_MS)).stdout;
    },
    async unmount() {
      await succeed("umount", [folder], UNMOUNT_WITHIN_MS);
      mounted = false;
    },
    async [Symbol.asyncDispose]() {
      if (mounted) await runProgram("umount", ["-i", "-l", folder], { withinMs: MOUNT_WITHIN_MS });
      remove();
    },
  };
}

async function succeed(name: string, args: readonly string[], withinMs: number): Promise<ProgramResult> {
  const result = await runProgram(findTool(name) ?? name, args, { withinMs, env: { LC_ALL: "C.UTF-8" } });
  if (result.code === 0) return result;
  throw new Error(`${name} ${args.join(" ")} ended with ${result.code}: ${result.stdout}${result.stderr}`);
}
