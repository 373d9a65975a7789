/** Which drivers and kinds of accounts there are. Each is loaded when it is first needed; what people and AList call it is known before. */
import { readFileSync } from "node:fs";
import { createRequire, findPackageJSON } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import type { AnyAccount } from "./contract/account.ts";
import type { AnyDriver } from "./contract/driver.ts";
import { StorageError } from "./contract/errors.ts";

/** One driver: what is known of it without loading it. */
export interface RegistryLine {
  readonly id: string;
  readonly title: string;
  /** AList's driver names. */
  readonly aliases: readonly string[];
  load(): Promise<AnyDriver>;
}

const BUILT_IN: readonly RegistryLine[] = [
  {
    id: "local",
    title: "Local folder",
    aliases: ["Local"],
    load: async () => (await import("./local/index.ts")).local,
  },
  { id: "memory", title: "Memory", aliases: ["Memory"], load: async () => (await import("./memory/index.ts")).memory },
  {
    id: "sjtu-pan",
    title: "SJTU Pan",
    aliases: ["SJTUNetdisk"],
    load: async () => (await import("./sjtu-pan/index.ts")).sjtuPan,
  },
];

/** One kind of account: what is known of it without loading it. */
export interface AccountLine {
  readonly kind: string;
  readonly title: string;
  load(): Promise<AnyAccount>;
}

const BUILT_IN_ACCOUNTS: readonly AccountLine[] = [
  {
    kind: "sjtu",
    title: "SJTU jAccount",
    load: async () => (await import("./sjtu-pan/account.ts")).sjtuAccount,
  },
];

/** The kinds of accounts of one server. */
class AccountRegistry {
  readonly #lines = new Map<string, AccountLine>();

  kinds(): readonly string[] {
    return [...this.#lines.keys()];
  }

  /** What is known of every kind without loading it. */
  lines(): readonly AccountLine[] {
    return [...this.#lines.values()];
  }

  /** The definition of that kind, loaded; undefined when there is none. */
  async find(kind: string): Promise<AnyAccount | undefined> {
    return this.#lines.get(kind)?.load();
  }

  /** Throws `invalid-config` where the kind is taken. */
  add(line: AccountLine, origin: string): void {
    if (this.#lines.has(line.kind)) throw refused(origin, `its account kind "${line.kind}" is there already`);
    this.#lines.set(line.kind, line);
  }
}

/** The drivers of one server. */
export class Registry {
  readonly accounts = new AccountRegistry();
  readonly #lines = new Map<string, RegistryLine>();
  readonly #names = new Map<string, RegistryLine>();

  constructor(lines: readonly RegistryLine[] = BUILT_IN, accounts: readonly AccountLine[] = BUILT_IN_ACCOUNTS) {
    for (const line of lines) this.#add(line, "Pandav");
    for (const line of accounts) this.accounts.add(line, "Pandav");
  }

  ids(): readonly string[] {
    return [...this.#lines.keys()];
  }

  /** What is known of every driver without loading it. */
  lines(): readonly RegistryLine[] {
    return [...this.#lines.values()];
  }

  /** The driver with that id or alias, loaded; undefined when there is none. */
  async find(idOrAlias: string): Promise<AnyDriver | undefined> {
    return this.#names.get(idOrAlias)?.load();
  }

  /**
   * Adds the drivers of packages of others: each names a package or a module's path and exports `drivers`, `accounts` or both, arrays of definitions.
   * Packages are looked for from `fromDirectory`, then beside Pandav; relative paths begin at `fromDirectory`.
   * Throws `invalid-config` that names the package and what is wrong with it; the ones before it stay added.
   */
  async loadExternalDrivers(specifiers: readonly string[], fromDirectory: string): Promise<void> {
    for (const specifier of specifiers) {
      const { drivers, accounts } = await definitionsOf(specifier, fromDirectory);
      for (const account of accounts) {
        const { kind, title } = account;
        this.accounts.add({ kind, title, load: async () => account }, specifier);
      }
      for (const driver of drivers) {
        const { id, title, aliases } = driver;
        this.#add({ id, title, aliases, load: async () => driver }, specifier);
      }
    }
  }

  #add(line: RegistryLine, origin: string): void {
    const names = new Set([line.id, ...line.aliases]);
    for (const name of names) {
      const owner = this.#names.get(name);
      if (owner) throw refused(origin, `its driver "${line.id}" wants the name "${name}", which "${owner.id}" has`);
    }
    this.#lines.set(line.id, line);
    for (const name of names) this.#names.set(name, line);
  }
}

const aWord = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, "must be lower-case letters, digits and hyphens");
const aFunction = z.custom((value) => typeof value === "function", "must be a function");

/** What can be seen of a definition from outside; zod's own classes may come from another copy of the package. */
const definitionShape = z.looseObject({
  id: aWord,
  title: z.string().min(1),
  aliases: z.array(z.string().min(1)),
  settings: z.custom((value) => isSchema(value), "must be a z.object"),
  traits: z.looseObject({
    ids: z.enum(["stable", "path"]),
    names: z.looseObject({}),
    hashes: z.array(z.enum(["sha1", "md5", "sha256", "crc64"])),
    replace: z.enum(["atomic", "emulated"]),
    collision: z.enum(["error", "suffix", "duplicate"]),
  }),
  open: aFunction,
});

const accountShape = z.looseObject({
  kind: aWord,
  title: z.string().min(1),
  credential: z.custom((value) => canParse(value), "must be a schema of zod"),
  flows: z.array(
    z.looseObject({
      id: z.string().min(1),
      input: z.custom((value) => isSchema(value), "must be a z.object"),
      run: aFunction,
    }),
  ),
  identify: aFunction,
  check: aFunction,
});

function canParse(value: unknown): value is object {
  return typeof value === "object" && value !== null && "safeParse" in value && typeof value.safeParse === "function";
}

function isSchema(value: unknown): boolean {
  return canParse(value) && "shape" in value;
}

interface Definitions {
  readonly drivers: readonly AnyDriver[];
  readonly accounts: readonly AnyAccount[];
}

async function definitionsOf(specifier: string, fromDirectory: string): Promise<Definitions> {
  const { drivers = [], accounts = [] } = await importModule(specifier, fromDirectory);
  const isThere = (value: unknown) => Array.isArray(value) && value.length > 0;
  if (!isThere(drivers) && !isThere(accounts)) {
    throw refused(
      specifier,
      'it has no export "drivers" that is an array of driver definitions, and none "accounts" of account definitions',
    );
  }
  return {
    drivers: checked(specifier, "drivers", drivers, definitionShape) as readonly AnyDriver[],
    accounts: checked(specifier, "accounts", accounts, accountShape) as readonly AnyAccount[],
  };
}

function checked(specifier: string, name: string, exported: unknown, shape: z.ZodType): readonly unknown[] {
  if (!Array.isArray(exported)) throw refused(specifier, `its export "${name}" is no array`);
  for (const [i, definition] of exported.entries()) {
    const { error } = shape.safeParse(definition);
    const issue = error?.issues[0];
    if (issue) throw refused(specifier, `${[name, i, ...issue.path].join(".")}: ${issue.message}`);
  }
  return exported;
}

async function importModule(specifier: string, fromDirectory: string): Promise<Record<string, unknown>> {
  const url = locate(specifier, fromDirectory);
  try {
    const module = (await import(url)) as Record<string, unknown>;
    // CommonJS whose exports Node could not read ahead comes as `default` alone.
    const { default: whole } = module;
    if ("drivers" in module || "accounts" in module || typeof whole !== "object" || whole === null) return module;
    return { ...whole };
  } catch (error) {
    if (isCode(error, "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING")) {
      throw refused(
        specifier,
        "Node runs no TypeScript below node_modules: publish JavaScript, or name the path of a .ts file elsewhere",
        error,
      );
    }
    throw refused(
      specifier,
      `it could not be loaded: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
}

function locate(specifier: string, fromDirectory: string): string {
  if (isAbsolute(specifier) || /^\.\.?[/\\]/.test(specifier)) {
    const path = resolve(fromDirectory, specifier);
    return resolveFrom(path, import.meta.url) ?? pathToFileURL(path).href;
  }
  const found = resolveFrom(specifier, join(fromDirectory, "package.json")) ?? resolveFrom(specifier, import.meta.url);
  if (found) return found;
  throw refused(specifier, `there is no such package in ${fromDirectory} or beside Pandav: install it, or name a path`);
}

/** The module's URL as seen from a file or directory, or undefined. */
function resolveFrom(specifier: string, from: string): string | undefined {
  try {
    return pathToFileURL(createRequire(from).resolve(specifier)).href;
  } catch (error) {
    if (!isCode(error, "ERR_PACKAGE_PATH_NOT_EXPORTED")) return undefined;
    // Packages for `import` alone: Node tells only `import()` about them, and that looks from this file.
    const manifest = findPackageJSON(specifier, from);
    const entry = manifest && mainExport(JSON.parse(readFileSync(manifest, "utf8")).exports);
    return entry && pathToFileURL(join(manifest, "..", entry)).href;
  }
}

/** What `exports` of a package.json gives to an import of the bare name. */
function mainExport(exports: unknown): string | undefined {
  if (typeof exports === "string") return exports;
  if (Array.isArray(exports)) return exports.map(mainExport).find(Boolean);
  if (typeof exports !== "object" || exports === null) return undefined;
  for (const [condition, target] of Object.entries(exports)) {
    if (![".", "node", "import", "module-sync", "default"].includes(condition)) continue;
    const found = mainExport(target);
    if (found) return found;
  }
  return undefined;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function refused(origin: string, why: string, cause?: unknown): StorageError {
  return new StorageError("invalid-config", `PANDAV_DRIVERS: ${origin}: ${why}`, cause === undefined ? {} : { cause });
}
