/** What the process was asked to be: flags over environment over defaults, checked before anything is opened. */
import { homedir } from "node:os";
import { resolve } from "node:path";
import { findDataFolder } from "./store/data-folder.ts";

/** Pandav called in a way that cannot be meant; the message is one line that names the flag or variable and the remedy. Exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** AList's port, which its clients try first (alist-api.md §20). */
const DEFAULT_PORT = 5244;

/** Nobody else can reach the server before its owner says so. */
const DEFAULT_HOST = "127.0.0.1";

export interface Config {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  /** The first admin's password, instead of a random one. */
  readonly adminPassword?: string;
  /** Packages or files with drivers beside our own, as import specifiers. */
  readonly drivers: readonly string[];
  readonly logLevel: LogLevel;
  /** Seals credentials, instead of `<data>/secret.key`: 64 hexadecimal digits. */
  readonly secretKey?: string;
  /** Real host → other origin (`DriverEnv.upstreams`). */
  readonly upstreams: Readonly<Record<string, string>>;
  /** In front of every path, as it stands in every href: `/pandav`, percent-encoded, no trailing slash; empty at the root. */
  readonly basePath: string;
  /** Folder of a built front end, absolute; absent: there is none. */
  readonly frontend?: string;
  /** PEM files; absent: plain HTTP. */
  readonly tls?: TlsFiles;
  /** Of backups. */
  readonly backupPassphrase?: string;
  /** A file whose first line is that. */
  readonly backupPassphraseFile?: string;
  /** Settings that the environment fixes. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Where certificate and key lie. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** What was given on the command line, as text. */
export interface Flags {
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly data?: string | undefined;
  readonly basePath?: string | undefined;
  readonly frontend?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The effective configuration; an empty variable counts as absent. Throws UsageError on a value that cannot be. */
export function readConfig(
  flags: Flags,
  env: Environment,
  surroundings = { cwd: process.cwd(), home: homedir(), platform: process.platform },
): Config {
  if (flags.data === "") throw new UsageError("--data needs the path of a folder");
  if (flags.frontend === "") throw new UsageError("--frontend needs the path of a folder");
  const frontend = flags.frontend ?? (env.PANDAV_FRONTEND || undefined);
  return {
    host: readHost(flags.host, env.PANDAV_HOST),
    port: readPort(flags.port, env.PANDAV_PORT),
    dataDir: findDataFolder(flags.data, { env, ...surroundings }),
    ...(env.PANDAV_ADMIN_PASSWORD && { adminPassword: env.PANDAV_ADMIN_PASSWORD }),
    drivers: splitList(env.PANDAV_DRIVERS),
    logLevel: readLogLevel(env.PANDAV_LOG),
    basePath: readBasePath(flags.basePath, env.PANDAV_BASE_PATH),
    ...(frontend !== undefined && { frontend: resolve(surroundings.cwd, frontend) }),
    ...readTlsFiles(flags, env, surroundings.cwd),
    settings: readSettings(env),
    upstreams: readUpstreams(env.PANDAV_UPSTREAMS),
    ...(env.PANDAV_BACKUP_PASSPHRASE && { backupPassphrase: env.PANDAV_BACKUP_PASSPHRASE }),
    ...(env.PANDAV_BACKUP_PASSPHRASE_FILE && {
      backupPassphraseFile: resolve(surroundings.cwd, env.PANDAV_BACKUP_PASSPHRASE_FILE),
    }),
    ...(env.PANDAV_SECRET_KEY && { secretKey: readSecretKey(env.PANDAV_SECRET_KEY) }),
  };
}

function readHost(flag: string | undefined, variable: string | undefined): string {
  const [value, name] = flag !== undefined ? [flag, "--host"] : [variable || DEFAULT_HOST, "PANDAV_HOST"];
  if (/^[\w.:%-]+$/.test(value)) return value;
  throw new UsageError(`${name} needs an address or host name, such as 127.0.0.1 or 0.0.0.0, and not "${value}"`);
}

function readPort(flag: string | undefined, variable: string | undefined): number {
  const [value, name] = flag !== undefined ? [flag, "--port"] : [variable || String(DEFAULT_PORT), "PANDAV_PORT"];
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
  throw new UsageError(`${name} needs a number from 0 (any free port) to 65535, and not "${value}"`);
}

function readLogLevel(variable: string | undefined): LogLevel {
  const value = variable || "info";
  const level = LOG_LEVELS.find((known) => known === value);
  if (level) return level;
  throw new UsageError(`PANDAV_LOG needs one of ${LOG_LEVELS.join(", ")}, and not "${value}"`);
}

function readBasePath(flag: string | undefined, variable: string | undefined): string {
  const [value, name] = flag !== undefined ? [flag, "--base-path"] : [variable ?? "", "PANDAV_BASE_PATH"];
  const path = value.replace(/\/+$/, "");
  const isLegal = /^(?:\/(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)*$/.test(path);
  const segments = path.split("/").map((segment) => segment.replace(/%2e/gi, "."));
  if (isLegal && !segments.includes(".") && !segments.includes("..")) return path;
  throw new UsageError(`${name} needs a path such as /pandav, percent-encoded, and not "${value}"`);
}

function readTlsFiles(flags: Flags, env: Environment, cwd: string): { tls?: TlsFiles } {
  const cert = flags.tlsCert ?? (env.PANDAV_TLS_CERT || undefined);
  const key = flags.tlsKey ?? (env.PANDAV_TLS_KEY || undefined);
  if (cert === undefined && key === undefined) return {};
  if (!cert) throw new UsageError("--tls-key needs --tls-cert (PANDAV_TLS_CERT): the file with the certificate");
  if (!key) throw new UsageError("--tls-cert needs --tls-key (PANDAV_TLS_KEY): the file with the certificate's key");
  return { tls: { certFile: resolve(cwd, cert), keyFile: resolve(cwd, key) } };
}

/** Settings that people need before they can reach the server. */
function readSettings(env: Environment): Record<string, string> {
  return {
    ...(env.PANDAV_SITE_URL && { site_url: env.PANDAV_SITE_URL }),
    ...(env.PANDAV_TRUSTED_PROXIES && { trusted_proxies: env.PANDAV_TRUSTED_PROXIES }),
    ...(env.PANDAV_CORS_ORIGINS && { cors_origins: env.PANDAV_CORS_ORIGINS }),
    ...(env.PANDAV_BACKUP_FOLDER && { backup_folder: env.PANDAV_BACKUP_FOLDER }),
    ...(env.PANDAV_PRIVATE_ADDRESSES && { private_addresses: env.PANDAV_PRIVATE_ADDRESSES }),
  };
}

/** What was given is not shown: it may be a key with a slip in it. */
function readSecretKey(variable: string): string {
  if (/^[0-9a-f]{64}$/i.test(variable)) return variable;
  throw new UsageError("PANDAV_SECRET_KEY needs 64 hexadecimal digits, as `openssl rand -hex 32` prints them");
}

function readUpstreams(variable: string | undefined): Record<string, string> {
  return Object.fromEntries(
    splitList(variable).map((pair) => {
      const [, host, origin] = /^([^=/]+)=(.+)$/.exec(pair) ?? [];
      if (host && origin && URL.canParse(origin)) return [host, origin];
      throw new UsageError(
        `PANDAV_UPSTREAMS needs host=origin pairs, such as example.com=http://127.0.0.1:8080, and not "${pair}"`,
      );
    }),
  );
}

/** Commas or white space part the items. */
function splitList(text: string | undefined): string[] {
  return (text ?? "").split(/[\s,]+/).filter((item) => item !== "");
}
