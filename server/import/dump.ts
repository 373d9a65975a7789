/** What another server's database or backup says, in one form: the web panel's backup, with the columns of the database beside (alist-api.md §12, §20). */
import { z } from "zod";
import { StorageError } from "#drivers/contract/errors.ts";

/** Databases have NULL, numbers and blobs where a backup has text. */
const text = () => z.preprocess((value) => (value === null || value === undefined ? "" : String(value)), z.string());
const count = () => z.preprocess((value) => Number(value ?? 0) || 0, z.number());
const flag = () => z.preprocess((value) => value === true || value === "true" || Number(value) > 0, z.boolean());

/** A list as JSON text, or as it is. */
const list = <T extends z.ZodType>(item: T) =>
  z.preprocess((value) => {
    const parsed = typeof value === "string" ? fromJson(value) : value;
    return Array.isArray(parsed) ? parsed : parsed === undefined || parsed === null ? [] : [parsed];
  }, z.array(item));

const scope = z.object({ path: text(), permission: count() });

const storage = z.object({
  mount_path: text(),
  driver: text(),
  order: count(),
  cache_expiration: z.preprocess((value) => Number(value ?? 30), z.number()),
  custom_cache_policies: text(),
  addition: text(),
  remark: text(),
  disabled: flag(),
  disable_index: flag(),
  enable_sign: flag(),
  web_proxy: flag(),
  webdav_policy: text(),
  down_proxy_url: text(),
});
export type DumpedStorage = z.output<typeof storage>;

const user = z.object({
  id: count(),
  username: text(),
  /** Lower-case hex of the salted hash (alist-api.md §4.2); empty in backups. */
  pwd_hash: text(),
  salt: text(),
  pwd_ts: count(),
  /** In clear, of versions that knew no hashes; else empty. */
  password: text(),
  base_path: text(),
  /** One number, or a list of ids of roles (alist-api.md §1). */
  role: list(count()),
  disabled: flag(),
  permission: count(),
  otp_secret: text(),
  sso_id: text(),
  authn: text(),
});
export type DumpedUser = z.output<typeof user>;

const role = z.object({
  id: count(),
  name: text(),
  /** In the database. */
  raw_permission: list(scope).optional(),
  /** In backups. */
  permission_scopes: list(scope).optional(),
});
export type DumpedRole = z.output<typeof role>;

const meta = z.object({
  path: text(),
  password: text(),
  p_sub: flag(),
  write: flag(),
  w_sub: flag(),
  hide: text(),
  h_sub: flag(),
  readme: text(),
  r_sub: flag(),
  header: text(),
  header_sub: flag(),
  read_users: list(z.unknown()),
  write_users: list(z.unknown()),
});
export type DumpedMeta = z.output<typeof meta>;

const setting = z.object({ key: text(), value: text() });

const share = z.object({
  id: text(),
  files_raw: list(text()),
  expires: text(),
  pwd: text(),
  accessed: count(),
  max_accessed: count(),
  creator_id: count(),
  disabled: flag(),
  remark: text(),
  readme: text(),
  header: text(),
});
export type DumpedShare = z.output<typeof share>;

const config = z.object({
  jwt_secret: text(),
  site_url: text(),
  token_expires_in: count(),
});
export type DumpedConfig = z.output<typeof config>;

const dump = z.object({
  storages: z.array(storage).default([]),
  users: z.array(user).default([]),
  roles: z.array(role).default([]),
  metas: z.array(meta).default([]),
  settings: z.array(setting).default([]),
  /** OpenList's. */
  shares: z.array(share).default([]),
  config: config.optional(),
  /** How many rows of what else there is, by its name. */
  others: z.record(z.string(), z.number()).default({}),
});
export type Dump = z.output<typeof dump>;

/** The dump of a parsed JSON text: a backup of the panel, or what `readDatabase` gave. Throws `invalid-config`. */
export function parseDump(json: unknown): Dump {
  const record = z.record(z.string(), z.unknown()).safeParse(json);
  if (!record.success || !["storages", "users", "metas", "settings"].some((key) => Object.hasOwn(record.data, key))) {
    throw notOne("it has neither storages nor users, metas or settings");
  }
  // The panel encrypts each list by itself where it was given a password.
  if (Object.values(record.data).some((value) => typeof value === "string")) {
    throw notOne("it is encrypted: make a backup without a password, or import the database data.db");
  }
  const parsed = dump.safeParse(record.data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw notOne(`${issue?.path.join(".")}: ${issue?.message}`);
}

/** A storage that was written down as JSON. */
export function parseStorage(json: unknown): DumpedStorage {
  return storage.parse(json);
}

/** What is no file of theirs. */
export function notOne(why: string): StorageError {
  return new StorageError(
    "invalid-config",
    `this is no database and no backup of AList or OpenList that can be read: ${why}`,
  );
}

function fromJson(value: string): unknown {
  try {
    return value.trim() === "" ? undefined : JSON.parse(value);
  } catch {
    return value;
  }
}
