/** What the lines of jdisk's page run against: the mount `/sjtu`, a local folder or SJTU Pan on its simulator. */
import type { ChildProcess } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type RunningSjtuPan, startSjtuPan } from "#test/simulators/sjtu-pan/start.ts";
import { addPassword, watchPan } from "#test/support/canaries.ts";
import { expectNoCanaryIn } from "#test/support/canary-folder.ts";
import { type RunOptions, type RunResult, runPandav } from "#test/support/pandav.ts";
import { startServer } from "#test/support/server.ts";
import { installPandav, runShell } from "#test/support/shell.ts";

/** Where the command line finds its server, and what is mounted there. */
export const PLACES = [
  "without a server",
  "beside a running server",
  "with a server that PANDAV_SERVER names",
  "without a server, against SJTU Pan",
] as const;
export type SeedPlace = (typeof PLACES)[number];

export interface SeedWorld {
  /** Where lines run. */
  readonly work: string;
  /** Makes these the only files and directories (names that end in `/`), with nothing known of them yet. */
  fill(things: Readonly<Record<string, string>>): void;
  has(name: string): boolean;
  /** A file's text as the storage has it. */
  read(name: string): string;
  sh(line: string, options?: RunOptions): Promise<RunResult>;
  dispose(): Promise<void>;
}

/** What one kind of storage needs. */
interface Storage {
  readonly env: Readonly<Record<string, string>>;
  empty(): void;
  put(name: string, text: string): void;
  makeDirectory(name: string): void;
  has(name: string): boolean;
  read(name: string): string;
  dispose(): Promise<void>;
}

export function openSeedWorld(place: SeedPlace): Promise<SeedWorld> {
  return open(place === "without a server, against SJTU Pan" ? panStorage : (folder) => localStorage(folder, place));
}

async function open(openStorage: (folder: string) => Promise<Storage>): Promise<SeedWorld> {
  const folder = mkdtempSync(join(tmpdir(), "pandav-seed-"));
  const work = join(folder, "work");
  mkdirSync(work);
  const bin = installPandav(join(folder, "bin"));
  const storage = await openStorage(folder);
  return {
    work,
    fill(things) {
      storage.empty();
      for (const [name, text] of Object.entries(things)) {
        if (name.endsWith("/")) storage.makeDirectory(name.slice(0, -1));
        else storage.put(name, text);
      }
    },
    has: storage.has,
    read: storage.read,
    sh: (line, options) => runShell(line, { ...options, bin, cwd: work, env: { ...storage.env, ...options?.env } }),
    async dispose() {
      await storage.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function localStorage(folder: string, place: SeedPlace): Promise<Storage> {
  const dataDir = join(folder, "data");
  const files = join(folder, "files");
  mkdirSync(files);
  const local = { env: { PANDAV_DATA: dataDir } };
  await must(["storage", "add", "/sjtu", "local", "--set", `root=${files}`], local);
  await must(["use", "/sjtu"], local);
  const server = place === "without a server" ? undefined : await startServer({ dataDir });
  let env: Record<string, string> = local.env;
  if (server && place === "with a server that PANDAV_SERVER names") {
    await must(["user", "passwd"], { ...local, stdin: "a password\n" });
    addPassword("admin", "a password");
    env = { PANDAV_SERVER: server.url, PANDAV_USER: "admin", PANDAV_PASSWORD: "a password" };
  }
  return {
    env,
    empty() {
      for (const name of readdirSync(files)) rmSync(join(files, name), { recursive: true });
    },
    put(name, text) {
      mkdirSync(dirname(join(files, name)), { recursive: true });
      writeFileSync(join(files, name), text);
    },
    makeDirectory: (name) => void mkdirSync(join(files, name), { recursive: true }),
    has: (name) => existsSync(join(files, name)),
    read: (name) => readFileSync(join(files, name), "utf8"),
    dispose: async () => void (await server?.stop()),
  };
}

/** Logged in once, by the QR code; each `empty` goes back to the data folder as it was after that. */
async function panStorage(folder: string): Promise<Storage> {
  const pan = await startSjtuPan();
  watchPan(pan);
  const [loggedIn, dataDir] = [join(folder, "logged-in"), join(folder, "data")];
  const env = { PANDAV_UPSTREAMS: upstreamsOf(pan) };
  await must(["auth"], { env: { ...env, PANDAV_DATA: loggedIn }, onStart: (child) => scanWhenShown(pan, child) });
  return {
    env: { ...env, PANDAV_DATA: dataDir },
    empty() {
      // What a storage holds changes behind the back of whoever listed it.
      rmSync(dataDir, { recursive: true, force: true });
      cpSync(loggedIn, dataDir, { recursive: true });
      for (const name of pan.files.list()) pan.files.remove(name.replace(/\/$/, ""));
    },
    put: (name, text) => pan.files.put(name, text),
    makeDirectory: (name) => pan.files.makeDirectory(name),
    has: (name) => pan.files.exists(name),
    read: (name) => String(pan.files.read(name)),
    async dispose() {
      await pan.close();
      expectNoCanaryIn(loggedIn);
      expectNoCanaryIn(dataDir);
      if (pan.violations.length > 0) throw new Error(`the simulator refused: ${JSON.stringify(pan.violations)}`);
    },
  };
}

/** The value of PANDAV_UPSTREAMS that leads to a simulator. */
export function upstreamsOf(pan: RunningSjtuPan): string {
  return Object.entries(pan.upstreams)
    .map((pair) => pair.join("="))
    .join(",");
}

/** The phone: confirms the next code that a login shows, as soon as it does. Ends with the process, if it came that far. */
export function scanWhenShown(pan: RunningSjtuPan, child: ChildProcess): void {
  const look = setInterval(() => {
    for (const { uuid, confirmedBy } of pan.qr.sessions.values()) {
      const code = pan.qr.lastCode(uuid);
      if (code && !confirmedBy && pan.qr.scan(uuid, code.sig, code.ts)) clearInterval(look);
    }
  }, 20);
  child.once("close", () => clearInterval(look));
}

async function must(args: readonly string[], options: RunOptions): Promise<void> {
  const { code, stderr } = await runPandav(args, options);
  if (code !== 0) throw new Error(`pandav ${args.join(" ")}: ${stderr}`);
}
