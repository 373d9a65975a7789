/** Pandav as a user starts it, over the world (`/bench`) and over a tree of generated entries that a scan has filled (`/generated`). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodePath, nameOf } from "#drivers/contract/path.ts";
import { LAUNCHER, PROJECT_ROOT } from "#test/support/server.ts";
import { freePort, outputOf, startServer } from "./child.ts";
import { type Contestant, running } from "./contestant.ts";
import { runLoad } from "./measure.ts";
import type { Scale, World } from "./world.ts";

const USER = "admin";
const PASSWORD = "password-of-the-bench";

/** What every start of the bench sets. */
const PANDAV_ENV = {
  PANDAV_ADMIN_PASSWORD: PASSWORD,
  PANDAV_DRIVERS: join(PROJECT_ROOT, "test/support/generated-driver.ts"),
};

/** The flags of Node that `npm start` gives. */
export const START_FLAGS = (readPackage().scripts.start ?? "").match(/--[\w-]+=\S+/g) ?? [];

/** The variables that `npm start` sets. */
const START_ENV: Readonly<Record<string, string>> = Object.fromEntries(
  (readPackage().scripts.start ?? "").match(/\b[A-Z_]+=\S+/g)?.map((pair) => pair.split("=")) ?? [],
);

/** Sent with every request: Pandav alone of the three authenticates. */
export const PANDAV_HEADERS = {
  authorization: `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}`,
};

/** A Pandav over a data folder, not started yet. */
export function pandavServer(
  dataDir: string,
  more: { readonly nodeArgs: readonly string[]; readonly env: Readonly<Record<string, string>> } = {
    nodeArgs: [],
    env: {},
  },
) {
  return running(async () => {
    const port = await freePort();
    const args = [...START_FLAGS, ...more.nodeArgs, LAUNCHER, "serve", "--data", dataDir, "--port", String(port)];
    return {
      child: await startServer(process.execPath, args, port, { ...START_ENV, ...PANDAV_ENV, ...more.env }),
      port,
    };
  });
}

/** `pandav storage add`, beside a running server or without one. */
export async function addStorage(dataDir: string, mountPath: string, driver: string, settings: Record<string, string>) {
  const sets = Object.entries(settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
  await outputOf(
    process.execPath,
    [LAUNCHER, "storage", "add", mountPath, driver, ...sets, "--data", dataDir],
    PANDAV_ENV,
  );
}

export function pandavVersion(): string {
  return `pandav ${readPackage().version}`;
}

function readPackage(): { readonly version: string; readonly scripts: Readonly<Record<string, string>> } {
  return JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8"));
}

export async function pandavContestant(world: World, dataDir: string, scale: Scale): Promise<Contestant> {
  const server = pandavServer(dataDir);
  const contestant: Contestant = {
    name: "pandav",
    version: pandavVersion(),
    headers: PANDAV_HEADERS,
    urlOf: (path) => `/dav/bench${encodePath(path)}`,
    treeDirectories: (paths) => paths.map((path) => `/dav/generated${encodePath(`/${nameOf(path)}`)}/`),
    ...server,
  };
  await server.start();
  try {
    await addStorage(dataDir, "/bench", "local", { root: world.root });
    await addStorage(dataDir, "/generated", "generated", {
      directories: String(2 * scale.directories),
      files_per_directory: String(scale.filesPerDirectory),
      flat: "true",
    });
    console.log("scanning the generated entries into the tree");
    const scan = await runLoad({
      kind: "requests",
      origin: server.origin(),
      connections: 4,
      method: "PROPFIND",
      paths: contestant.treeDirectories([...world.directories, ...world.others]),
      passes: 1,
      headers: { ...PANDAV_HEADERS, depth: "1" },
      expect: { status: 207, responses: scale.filesPerDirectory + 1 },
    });
    if (scan.failures > 0) throw new Error(`the scan failed: ${scan.failureExamples.join("; ")}`);
  } finally {
    await server.stop();
  }
  return contestant;
}
