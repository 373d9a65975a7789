/** The import table of the architecture as data: the first rule whose `from` matches a file decides what it may import. */

export interface ImportRule {
  /** A prefix of the importing file's path. */
  readonly from: string;
  /** Prefixes of project paths that it may import; its own folder (`from`) always. */
  readonly may: readonly string[];
  /** Packages: all, or the named ones. Node's modules (`node:`) are named `node`. */
  readonly packages: "all" | readonly string[];
  /** May be imported as types only. */
  readonly types?: readonly string[];
  readonly because: string;
}

const BASE = ["drivers/contract/"];
/** Services that all of the server may use. */
const BELOW_VFS = ["server/layers/", "server/store/", "server/auth/", "server/upstream/", "server/settings", ...BASE];
/** The one sum of `Hashes` that Node does not compute. */
const CHECKSUM = "drivers/kit/crc64.ts";
/** What takes secrets out of a text, for the log and for what visitors are told. */
const REDACTION = "server/upstream/redact.ts";
const FRONT_MAY = [
  "server/vfs/",
  "server/accounts/",
  "server/tasks/",
  "server/notify/",
  "server/import/",
  "server/backup/",
  "server/http/",
  "server/auth/",
  "server/settings",
  "server/config.ts",
  "server/store/settings.ts",
  ...BASE,
];
const FRONT = "a front translates: it speaks to the vfs, never to a driver, the database or another front";
const DOWNWARD = "calls go down only: tasks → vfs → accounts → notify";

export const IMPORT_RULES: readonly ImportRule[] = [
  {
    from: "drivers/contract/",
    may: [],
    packages: ["zod"],
    types: ["node", "got", "undici", "ws", "tough-cookie"],
    because: "the contract stands on nothing but zod and types",
  },
  {
    from: "drivers/kit/",
    may: BASE,
    packages: "all",
    because: "the kit is below every driver and never knows the server",
  },
  {
    from: "drivers/registry.ts",
    may: ["drivers/"],
    packages: "all",
    because: "the registry names drivers and nothing of the server",
  },
  {
    from: "drivers/",
    may: [...BASE, "drivers/kit/"],
    packages: "all",
    because: "a driver knows the contract, the kit and its own folder; never another service, never the server",
  },
  {
    from: "server/layers/",
    may: BASE,
    packages: "all",
    because: "what a layer needs beside the contract is an interface handed in by vfs/stack.ts",
  },
  { from: "server/store/", may: BASE, packages: "all", because: "the store is at the bottom" },
  {
    from: "server/http/",
    may: [...BASE, "server/store/", REDACTION],
    packages: "all",
    because: "http is shared by the fronts and knows none",
  },
  {
    from: "server/upstream/",
    may: [...BASE, "server/store/"],
    packages: "all",
    because: "upstream knows the contract and the store",
  },
  {
    from: "server/auth/",
    may: [...BASE, "server/store/"],
    packages: "all",
    because: "auth knows the contract and the store",
  },
  {
    from: "server/metrics/",
    may: [...BASE, "server/http/", "server/layers/", "server/auth/"],
    packages: "all",
    because: "metrics count what hooks tell; nothing below knows of them",
  },
  { from: "server/notify/", may: BELOW_VFS, packages: "all", because: DOWNWARD },
  {
    from: "server/accounts/",
    may: [...BELOW_VFS, "server/notify/", "drivers/registry.ts"],
    packages: "all",
    because: DOWNWARD,
  },
  {
    from: "server/vfs/",
    may: [...BELOW_VFS, "server/accounts/", "server/notify/", "drivers/registry.ts", CHECKSUM],
    packages: "all",
    because: DOWNWARD,
  },
  {
    from: "server/tasks/",
    may: [...BELOW_VFS, "server/vfs/", "server/accounts/", "server/notify/"],
    packages: "all",
    because: DOWNWARD,
  },
  {
    from: "server/backup/",
    may: [...BASE, "server/store/", "server/notify/"],
    packages: "all",
    because: "a backup is of the store, and tells the owner where it fails",
  },
  {
    from: "server/import/",
    may: [...BELOW_VFS, "server/vfs/", "server/accounts/"],
    packages: "all",
    because: "an import is made through what keeps users, rules, settings and storages; fronts hand files to it",
  },
  {
    from: "server/cli/",
    may: [...FRONT_MAY, CHECKSUM],
    packages: "all",
    because: FRONT,
  },
  ...["api", "webdav", "download", "parser", "frontend"].map((front) => ({
    from: `server/${front}/`,
    may: FRONT_MAY,
    packages: "all" as const,
    because: FRONT,
  })),
  {
    from: "server/",
    may: ["server/", "drivers/contract/", "drivers/registry.ts"],
    packages: "all",
    because: "main and app join what is under server and hold no logic",
  },
  {
    from: "test/simulators/",
    may: ["test/simulators/"],
    packages: "all",
    because: "a simulator that shares code with the driver shares its bugs",
  },
  {
    from: "web-admin/",
    may: ["web-admin/"],
    packages: "all",
    types: ["server/api/"],
    because: "the panel takes types from server/api, nothing else",
  },
];

/** Files that may import the registry. */
export const REGISTRY_IMPORTERS = ["server/vfs/mount-table.ts", "server/accounts/catalogue.ts"];
