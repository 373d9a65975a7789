/** The server's settings: rows under one schema, with AList's names (alist-api.md §15), overridden by the config file and the environment. */
import { randomUUID } from "node:crypto";
import { isAbsolute } from "node:path";
import { z } from "zod";
import { StorageError } from "#drivers/contract/errors.ts";
import { FRONT_SETTINGS, type FrontSetting } from "./front-settings.ts";
import { parseNetworks } from "./networks.ts";
import { parseOrigins } from "./origins.ts";
import { randomText } from "./random-text.ts";
import type { Store } from "./store.ts";

const SCHEMA = z.object({
  ...frontSettings(),
  jwt_secret: z.string().min(16).meta({
    title: "Session key",
    description: "Signs the tokens of logins. Changing it ends every session.",
    secret: true,
  }),
  token: z.string().min(8).meta({
    title: "Static token",
    description: "Acts as the administrator and signs download links. Changing it invalidates every link made so far.",
    secret: true,
  }),
  token_expires_in: z.int().min(1).max(87_600).default(48).meta({
    title: "Session length",
    description: "Hours after which a login ends.",
  }),
  link_expiration: z.int().min(0).max(87_600).default(0).meta({
    title: "Link expiration",
    description: "Hours for which a new download link is valid. 0 means for ever.",
  }),
  sign_all: z.boolean().default(true).meta({
    title: "Sign all links",
    description: "Every download link carries a signature. Without it, only links into protected storages do.",
  }),
  site_url: z.string().default("").meta({
    title: "Site address",
    description:
      "The address under which clients reach this server, such as https://dav.example.com; several, separated by commas, where the first stands in links. Empty means the address they asked.",
  }),
  trusted_proxies: checked(parseNetworks).meta({
    title: "Trusted proxies",
    description:
      "Addresses and networks, separated by commas, of the proxies whose X-Forwarded-For, -Proto and -Host are believed. Empty means none.",
  }),
  cors_origins: checked(parseOrigins).meta({
    title: "Web pages",
    description:
      "Origins of web pages, such as https://panel.example.com, separated by commas, that may use this server in a browser; * means any, without the browser's credentials. Empty means any for the API, as in AList, and none for WebDAV.",
  }),
  private_addresses: checked(parseNetworks).meta({
    title: "Private addresses",
    description:
      "Addresses and networks, separated by commas, that addresses named by users may lead to although they are this machine's or of a private network. Empty means none.",
  }),
  api_dialect: z.enum(["auto", "classic", "roles"]).default("auto").meta({
    title: "API dialect",
    description: "Which form of AList's user roles is sent. Automatic: by the request's Client-Id.",
  }),
  cli_mount_in_use: z.string().default("").meta({
    title: "Mount in use",
    description:
      "The mount path that the command line means by paths that begin with no mount. Empty means the only one there is.",
  }),
  notify_language: z.enum(["zh-CN", "en"]).default("zh-CN").meta({
    title: "Language of notices",
    description: "What e-mails and push messages to the owner are written in.",
  }),
  backup_folder: z
    .string()
    .refine((text) => text === "" || isAbsolute(text), "needs an absolute path")
    .default("")
    .meta({
      title: "Folder of backups",
      description: "Absolute path of the folder that automatic backups are written into. Empty means none are made.",
    }),
  backup_every_hours: z.int().min(1).max(8760).default(24).meta({
    title: "Time between backups",
    description: "Hours between two automatic backups.",
  }),
  backup_keep: z.int().min(1).max(1000).default(7).meta({
    title: "Backups kept",
    description: "How many automatic backups stay; older ones are removed.",
  }),
  robots_txt: z.string().default("User-agent: *\nDisallow: /").meta({
    title: "robots.txt",
    description: "What search engines are told at /robots.txt.",
  }),
  multipart_enabled: z.boolean().default(true).meta({
    title: "Upload in pieces",
    description: "Front ends send large files in pieces, which a proxy with a limit on bodies lets through.",
  }),
  multipart_chunk_size: z.int().min(1).max(1024).default(10).meta({
    title: "Piece size",
    description: "Largest piece of such an upload, in MiB.",
  }),
  search_index: z
    .enum(["database", "database_non_full_text", "bleve", "meilisearch", "none"])
    .default("database")
    .meta({
      title: "Search index",
      description:
        "Names of what was listed can be searched. There is one kind of index here, whichever of AList's names it has; none means no search.",
    }),
  ignore_paths: z.string().max(100_000).default("").meta({
    title: "Ignored paths",
    description:
      "Full paths, one a line, that searches do not show and the crawler does not list, with all below them.",
  }),
  max_index_depth: z.int().min(0).max(1000).default(20).meta({
    title: "Crawling depth",
    description: "How many levels below the path that was asked for the crawler lists.",
  }),
  copy_task_threads_num: atOnce("Copies"),
  move_task_threads_num: atOnce("Moves"),
  audio_types: extensions("Audio", "mp3,flac,ogg,m4a,wav,opus,wma"),
  video_types: extensions("Video", "mp4,mkv,avi,mov,rmvb,webm,flv,m3u8"),
  image_types: extensions("Image", "jpg,tiff,jpeg,png,gif,bmp,svg,ico,swf,webp"),
  text_types: extensions(
    "Text",
    "txt,htm,html,xml,java,properties,sql,js,ts,md,json,conf,ini,vue,php,py,bat,sh,yml,yaml,toml,csv,log,go,rs,c,h,cpp,hpp,css,tsx,jsx,vtt,srt,ass,lrc,strm",
  ),
});

/** Made once, at the first start. The token's form is AList's (alist-api.md §4.1). */
const GENERATED = {
  jwt_secret: () => randomText(32),
  token: newStaticToken,
};

/** A new static token. */
export function newStaticToken(): string {
  return `alist-${randomUUID()}${randomText(64)}`;
}

type SettingValues = z.output<typeof SCHEMA>;
export type SettingKey = keyof SettingValues;

/** What a setting holds until somebody says otherwise; undefined for those that are made at the first start. */
export function defaultOf<K extends SettingKey>(key: K): SettingValues[K] | undefined {
  const result = (SCHEMA.shape[key] as z.ZodType).safeParse(undefined);
  return result.success ? (result.data as SettingValues[K]) : undefined;
}

/** Longest key and value of a setting that is kept for nobody, in characters, and how many there may be. */
const MOST_FOREIGN = { key: 100, value: 100_000, count: 1000 };

export interface Settings {
  get<K extends SettingKey>(key: K): SettingValues[K];
  /** Text of settings of other servers, which nothing here acts on: kept, so that a restored backup is whole. */
  foreign(): ReadonlyMap<string, string>;
  /** Stores several values (text is read as in `set`) and foreign ones, all or none. Throws as `set`. */
  setAll(values: Readonly<Record<string, unknown>>, foreign: Readonly<Record<string, string>>): Promise<void>;
  /** Forgets a foreign one. */
  forget(key: string): Promise<void>;
  /** Stores a value, durable when it resolves. Throws `invalid-config` on an unknown key, a wrong value, or one that is fixed by an override. */
  set<K extends SettingKey>(key: K, value: SettingValues[K]): Promise<void>;
  /** Throws what `set` would throw; text is read as in `setAll`. */
  check(key: SettingKey, value: unknown): void;
  /** True while the config file or the environment says it. */
  isFixed(key: SettingKey): boolean;
}

/**
 * The settings of a data folder. `overrides` win over stored values and are not stored; text is taken for numbers and flags too, as the environment has no other.
 * Throws StorageError `invalid-config` naming the setting, on an unknown key or a wrong value. Stored keys that no longer exist are left alone.
 */
export async function openSettings(
  store: Pick<Store, "db">,
  overrides: Readonly<Record<string, unknown>> = {},
): Promise<Settings> {
  const fixed = new Map<SettingKey, unknown>();
  for (const [key, value] of Object.entries(overrides)) {
    if (value !== undefined) fixed.set(known(key), parse(known(key), value));
  }
  for (const [key, make] of Object.entries(GENERATED)) {
    await store.db
      .insertInto("setting")
      .values({ key, value: JSON.stringify(make()) })
      .onConflict((c) => c.column("key").doNothing())
      .execute();
  }
  const stored = new Map<SettingKey, unknown>();
  const foreign = new Map<string, string>();
  for (const row of await store.db.selectFrom("setting").selectAll().execute()) {
    if (isKnown(row.key)) stored.set(row.key, parse(row.key, fromJson(row.key, row.value)));
    else if (row.key.startsWith(FOREIGN)) foreign.set(row.key.slice(FOREIGN.length), row.value);
  }
  // Some are asked for at every request, where the schema's own way to a default is too long.
  const defaults = new Map<SettingKey, unknown>();
  const defaultOf = (key: SettingKey) => {
    const value = defaults.get(key) ?? parse(known(key), undefined);
    defaults.set(key, value);
    return value;
  };
  return {
    get<K extends SettingKey>(key: K) {
      const value = fixed.get(key) ?? stored.get(key) ?? defaultOf(key);
      return value as SettingValues[K];
    },
    async set(key, value) {
      const parsed = changeable(known(key), value, fixed);
      const json = JSON.stringify(parsed);
      await store.db
        .insertInto("setting")
        .values({ key, value: json })
        .onConflict((c) => c.column("key").doUpdateSet({ value: json }))
        .execute();
      stored.set(key, parsed);
    },
    check: (key, value) => void changeable(known(key), value, fixed),
    isFixed: (key) => fixed.has(key),
    foreign: () => foreign,
    async setAll(values, others) {
      const own = new Map(
        Object.entries(values).map(([key, value]) => [known(key), changeable(known(key), value, fixed)]),
      );
      const other = Object.entries(others).map(([key, value]): [string, string] => [key, foreignText(key, value)]);
      if (new Set([...foreign.keys(), ...other.map(([key]) => key)]).size > MOST_FOREIGN.count) {
        throw new StorageError("invalid-config", "there are too many settings that this server does not know");
      }
      await store.db.transaction().execute(async (db) => {
        const rows = [
          ...[...own].map(([key, value]) => ({ key, value: JSON.stringify(value) })),
          ...other.map(([key, value]) => ({ key: FOREIGN + key, value })),
        ];
        for (const row of rows) {
          await db
            .insertInto("setting")
            .values(row)
            .onConflict((c) => c.column("key").doUpdateSet({ value: row.value }))
            .execute();
        }
      });
      for (const [key, value] of own) stored.set(key, value);
      for (const [key, value] of other) foreign.set(key, value);
    },
    async forget(key) {
      await store.db
        .deleteFrom("setting")
        .where("key", "=", FOREIGN + key)
        .execute();
      foreign.delete(key);
    },
  };
}

/** Stands before the key of a setting that this server does not know: a later one may come to know it. */
const FOREIGN = "foreign:";

function foreignText(key: string, value: string): string {
  const fits = key.length <= MOST_FOREIGN.key && value.length <= MOST_FOREIGN.value;
  if (fits) return value;
  throw new StorageError("invalid-config", `the setting ${key.slice(0, MOST_FOREIGN.key)} is too long`);
}

/** Throws `invalid-config` where the value cannot be stored. */
function changeable(key: SettingKey, value: unknown, fixed: ReadonlyMap<SettingKey, unknown>): unknown {
  const parsed = parse(key, value);
  if (!fixed.has(key)) return parsed;
  throw new StorageError(
    "invalid-config",
    `the setting ${key} is fixed by the config file or the environment: change it there`,
  );
}

function frontSettings(): Record<FrontSetting, z.ZodDefault<z.ZodString>> {
  const entries = Object.entries(FRONT_SETTINGS).map(([key, value]) => [key, z.string().max(100_000).default(value)]);
  return Object.fromEntries(entries) as Record<FrontSetting, z.ZodDefault<z.ZodString>>;
}

/** How many tasks of a kind run at once; 5 in AList (alist-api.md §15). */
function atOnce(what: string): z.ZodDefault<z.ZodInt> {
  return z
    .int()
    .min(1)
    .max(64)
    .default(5)
    .meta({ title: `${what} at once`, description: "How many such tasks run at the same time; others wait." });
}

function extensions(kind: string, list: string): z.ZodDefault<z.ZodString> {
  return z
    .string()
    .default(list)
    .meta({
      title: `${kind} types`,
      description: `Extensions shown as ${kind.toLowerCase()}. Lower case, separated by commas.`,
    });
}

/** Text that `parse` takes without throwing. */
function checked(parse: (text: string) => unknown): z.ZodDefault<z.ZodString> {
  return z
    .string()
    .superRefine((text, c) => {
      try {
        parse(text);
      } catch (error) {
        c.addIssue({ code: "custom", message: (error as Error).message });
      }
    })
    .default("");
}

function isKnown(key: string): key is SettingKey {
  return Object.hasOwn(SCHEMA.shape, key);
}

function known(key: string): SettingKey {
  if (isKnown(key)) return key;
  throw new StorageError(
    "invalid-config",
    `there is no setting "${key}": the settings are ${Object.keys(SCHEMA.shape).join(", ")}`,
  );
}

function parse(key: SettingKey, value: unknown): unknown {
  const field: z.ZodType = SCHEMA.shape[key];
  const first = field.safeParse(value);
  if (first.success) return first.data;
  // The environment knows only text: "48" and "true" are meant as what they look like.
  const meant = typeof value === "string" ? looksLike(value) : undefined;
  const second = meant === undefined ? first : field.safeParse(meant);
  if (second.success) return second.data;
  throw new StorageError("invalid-config", `the setting ${key} is not usable: ${first.error.issues[0]?.message}`);
}

function looksLike(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fromJson(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new StorageError("invalid-config", `the stored setting ${key} is damaged: set it again`);
  }
}
