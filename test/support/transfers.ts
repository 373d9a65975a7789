/** A data folder with two storages, and a folder to work in: what tests of `upload` and `download` stand on. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addPassword } from "./canaries.ts";
import { type RunOptions, type RunResult, runPandav } from "./pandav.ts";
import { PartsControl } from "./parts-driver.ts";
import { PROJECT_ROOT, type RunningServer, startServer } from "./server.ts";
import { installPandav, runShell } from "./shell.ts";

const DRIVERS = { PANDAV_DRIVERS: join(PROJECT_ROOT, "test/support/parts-driver.ts") };
/** The administrator's, where the command line names its server by PANDAV_SERVER. */
export const PASSWORD = "a password for transfers";

/** Where the command line finds its server. */
export const PLACES = [
  "without a server",
  "beside a running server",
  "with a server that PANDAV_SERVER names",
] as const;
export type ServerPlace = (typeof PLACES)[number];

export interface Transfers {
  /** What the storage in use, `/sjtu`, holds: a local folder. */
  readonly files: string;
  /** Where lines of a shell run. */
  readonly work: string;
  readonly dataDir: string;
  /** The storage `/parts`, which keeps parts of 1 MiB. */
  readonly parts: PartsControl;
  /** Empties what storages and the working folder hold. */
  clean(): void;
  sh(line: string, options?: RunOptions): Promise<RunResult>;
  /** One process, without a shell around it. */
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  start(): Promise<RunningServer>;
  dispose(): Promise<void>;
}

export async function openTransfers(place: ServerPlace = "without a server"): Promise<Transfers> {
  const folder = mkdtempSync(join(tmpdir(), "pandav-transfers-"));
  const [dataDir, files, work, stored] = ["data", "files", "work", "parts"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const made of [files, work]) mkdirSync(made);
  const parts = new PartsControl(stored);
  const bin = installPandav(join(folder, "bin"));
  const here = { ...DRIVERS, PANDAV_DATA: dataDir };
  const must = async (args: readonly string[], stdin = "") => {
    const { code, stderr } = await runPandav(args, { env: here, stdin });
    if (code !== 0) throw new Error(`pandav ${args.join(" ")}: ${stderr}`);
  };
  await must(["storage", "add", "/sjtu", "local", "--set", `root=${files}`]);
  await must(["storage", "add", "/parts", "parts", "--set", `root=${stored}`, "--set", `partBytes=${1024 * 1024}`]);
  await must(["use", "/sjtu"]);
  const servers: RunningServer[] = [];
  const start = async () => {
    const server = await startServer({ dataDir, env: DRIVERS });
    servers.push(server);
    return server;
  };
  let env: Record<string, string> = here;
  if (place !== "without a server") await start();
  if (place === "with a server that PANDAV_SERVER names") {
    await must(["user", "passwd"], `${PASSWORD}\n`);
    addPassword("admin", PASSWORD);
    env = { PANDAV_SERVER: servers[0]!.url, PANDAV_USER: "admin", PANDAV_PASSWORD: PASSWORD };
  }
  const empty = (path: string, ...kept: string[]) => {
    for (const name of readdirSync(path)) {
      if (!kept.includes(name)) rmSync(join(path, name), { recursive: true });
    }
  };
  return {
    files,
    work,
    dataDir,
    parts,
    clean() {
      empty(files);
      empty(work);
      empty(stored, ".control");
      empty(join(stored, ".control"));
    },
    sh: (line, options) => runShell(line, { ...options, bin, cwd: work, env: { ...env, ...options?.env } }),
    run: (args, options) => runPandav(args, { ...options, env: { ...env, ...options?.env } }),
    start,
    async dispose() {
      for (const server of servers) await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
