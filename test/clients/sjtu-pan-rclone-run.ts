/** A tree through rclone, the real server and the simulated service, there and back; every step is held against the service's own tree. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type PanServer, startPanServer } from "#test/support/pan-server.ts";
import { type AwkwardTree, writeAwkwardTree } from "./awkward-tree.ts";
import { type ProgramResult, runProgram } from "./run-program.ts";

export interface PanRcloneOptions {
  readonly vendor: "owncloud" | "other";
  readonly directories: number;
  readonly filesEach: number;
  readonly stepWithinMs: number;
}

/** Calls that the removal of a whole folder may cost. */
const PURGE_CALLS = 5;
/** rclone by its own name is sent to the store for large files (webdav.md §7.1), whose real address leads out of the simulation. */
const USER_AGENT = "Sync/1.0";
const TRANSFERS = /"transfers":(\d+)/g;

/** Copies up, checks, copies again, copies down, moves, purges. Prints seconds and requests to the service of each step. */
export async function copyTreeThroughPan(options: PanRcloneOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pandav-pan-rclone-"));
  try {
    const source = join(folder, "source");
    mkdirSync(source);
    const tree = writeAwkwardTree(source, options.directories, options.filesEach);
    await using server = await startPanServer();
    await allSteps(await openSession(server, folder, options), tree, source, join(folder, "back"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function allSteps(session: Session, tree: AwkwardTree, source: string, back: string): Promise<void> {
  const { files } = session.server.pan;
  const wide = ["--transfers", "8", "--checkers", "8"];
  const upload = ["copy", source, "p:up", ...wide, "--create-empty-src-dirs", "--use-json-log", "--stats", "1s"];
  const copied = await session.step(`copy ${tree.files.size} files up`, ...upload, "--stats-log-level", "NOTICE");
  expect(transfersOf(copied)).toBe(tree.files.size);
  const expected = storedTree(tree);
  expect(files.tree("up")).toEqual(expected);
  for (const { stored, bytes } of tree.files.values()) {
    if (!files.read(`up/${stored}`).equals(bytes)) expect.fail(`${stored} is stored with other bytes`);
  }

  await session.step("check --download", "check", source, "p:up", "--download", ...wide);
  // The service sets a file's time itself, so that only sizes can be compared (docs/drivers/sjtu-pan.md).
  const again = await session.step("copy up again", ...upload, "--stats-log-level", "NOTICE", "--size-only");
  expect(transfersOf(again)).toBe(0);
  await session.step("copy down", "copy", "p:up", back, ...wide, "--create-empty-src-dirs");
  const difference = await runProgram("diff", ["-rq", source, back], { withinMs: 60_000 });
  expect(difference).toEqual({ code: 0, stdout: "", stderr: "" });

  const [[from, fromStored] = ["", ""], [other = ""] = []] = tree.directories;
  const file = [...tree.files].find(([path]) => path.startsWith(other))!;
  await session.step("move a file", "moveto", `p:up/${file[0]}`, "p:up/moved: here/renamed 文件?.bin");
  await session.step("move a directory", "moveto", `p:up/${from}`, "p:up/moved directory");
  expect(files.tree("up")).toEqual(
    moved(
      moved(expected, file[1].stored, "moved： here/renamed 文件？.bin", { "moved： here/": null }),
      fromStored,
      "moved directory",
    ),
  );
  await session.step("purge", "purge", "p:up");
  expect(session.callsOf("purge")).toBeLessThanOrEqual(PURGE_CALLS);
  expect(files.tree()).toEqual({});
  session.print();
}

interface Session {
  readonly server: PanServer;
  /** Runs rclone to its end, without retries of its own, and finds neither an error nor a request that the service refused. */
  step(name: string, ...args: string[]): Promise<ProgramResult>;
  /** Requests to the service of the step of that name. */
  callsOf(step: string): number;
  print(): void;
}

async function openSession(server: PanServer, folder: string, options: PanRcloneOptions): Promise<Session> {
  const config = join(folder, "rclone.conf");
  const { user, password } = server.server;
  const obscured = (await runProgram("rclone", ["obscure", password], { withinMs: 30_000 })).stdout.trim();
  const remote = { type: "webdav", url: server.dav, vendor: options.vendor, user, pass: obscured };
  const lines = Object.entries(remote).map(([key, value]) => `${key} = ${value}`);
  writeFileSync(config, ["[p]", ...lines, ""].join("\n"), { mode: 0o600 });
  const rows: { readonly name: string; readonly seconds: number; readonly counts: Readonly<Record<string, number>> }[] =
    [];
  return {
    server,
    async step(name, ...args) {
      server.pan.log.clear();
      const began = performance.now();
      const once = ["--config", config, "--retries", "1", "--low-level-retries", "1", "--timeout", "60s"];
      once.push("--user-agent", USER_AGENT);
      const result = await runProgram("rclone", [...once, ...args], { withinMs: options.stepWithinMs });
      rows.push({ name, seconds: (performance.now() - began) / 1000, counts: server.pan.log.counts() });
      if (result.code !== 0) expect.fail(`${name} ended with ${result.code}: ${result.stdout}${result.stderr}`);
      expect(server.pan.violations).toEqual([]);
      return result;
    },
    callsOf(step) {
      const row = rows.find(({ name }) => name === step);
      return Object.values(row?.counts ?? {}).reduce((sum, count) => sum + count, 0);
    },
    print() {
      const text = rows.map(({ name, seconds, counts }) => {
        const calls = Object.entries(counts).map(([route, count]) => `${route} ${count}`);
        return `  ${name.padEnd(20)} ${seconds.toFixed(1).padStart(6)} s  ${calls.join(", ") || "no request"}`;
      });
      console.log(`rclone, vendor ${options.vendor}:\n${text.join("\n")}`);
    },
  };
}

/** What the simulator's `tree` must show: sizes of files, null of directories, sorted. */
function storedTree(tree: AwkwardTree): Record<string, number | null> {
  const expected: Record<string, number | null> = { [`${tree.emptyDirectory}/`]: null };
  for (const { stored, bytes } of tree.files.values()) {
    expected[stored] = bytes.length;
    const segments = stored.split("/").slice(0, -1);
    for (let depth = 1; depth <= segments.length; depth++) expected[`${segments.slice(0, depth).join("/")}/`] = null;
  }
  return expected;
}

/** The tree with one path, and all below it, at another place. */
function moved(
  tree: Readonly<Record<string, number | null>>,
  from: string,
  to: string,
  made: Readonly<Record<string, null>> = {},
): Record<string, number | null> {
  const rename = (path: string) => (path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : path);
  return { ...Object.fromEntries(Object.entries(tree).map(([path, size]) => [rename(path), size])), ...made };
}

/** Files that a run transferred: the last report of its statistics. */
function transfersOf({ stderr }: ProgramResult): number | undefined {
  const last = [...stderr.matchAll(TRANSFERS)].at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
}
