/** Databases as AList and OpenList make them, of our own making (alist-api.md §20), and their configuration beside. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { addCanary, addPassword } from "./canaries.ts";

/** Of dialect A, with roles in blobs, or of O. */
export type AlistFlavour = "alist" | "openlist";

export interface AlistDatabase {
  readonly folder: string;
  readonly flavour: AlistFlavour;
  /** Roots of `Local` storages by mount path. */
  readonly local: Readonly<Record<string, string>>;
  /** Further statements, after everything is in. */
  readonly more?: readonly string[];
  /** Leaves what was written in the WAL beside the file, as a running server does. Default false. */
  readonly inWal?: boolean;
}

/** Who is in it, and with which password. */
export const ALIST_PASSWORDS = { admin: "the admin's old one", alice: "alice's old one" } as const;
export const ALIST_TOKEN = "alist-5e0b7f5e-of-our-own-making";
export const ALIST_JWT_SECRET = "sixteen-letters!";
/** A login at a service that is not here. */
export const ALIST_COOKIE = "UID=1_A1_1; CID=c00c1ec00c1ec00c1e";
/** The second factor of `bob`. */
export const ALIST_TOTP = "JBSWY3DPEHPK3PXP";

/** Writes `data.db` and `config.json`, and gives the path of the former. The connection stays open with `inWal`: call `close`. */
export function makeAlistDatabase(o: AlistDatabase): { readonly file: string; close(): void } {
  for (const [name, password] of Object.entries(ALIST_PASSWORDS)) addPassword(name, password);
  addCanary("cookie", ALIST_COOKIE);
  const file = join(o.folder, "data.db");
  const db = new DatabaseSync(file);
  if (o.inWal) db.exec("pragma journal_mode = wal; pragma wal_autocheckpoint = 0");
  const isAlist = o.flavour === "alist";
  db.exec(`
    create table x_setting_items (key text primary key, value text, help text, type text, options text, "group" integer, flag integer, "index" integer);
    create table x_users (id integer primary key autoincrement, username text unique, pwd_hash text, pwd_ts integer, salt text, password text, base_path text,
      role ${isAlist ? "text" : "integer"}, disabled numeric, permission integer, otp_secret text, sso_id text, authn text);
    create table x_storages (id integer primary key autoincrement, mount_path text unique, "order" integer, driver text, cache_expiration integer, status text,
      addition text, remark text, modified datetime, disabled numeric, disable_index numeric, enable_sign numeric, order_by text, order_direction text,
      extract_folder text, web_proxy numeric, webdav_policy text, proxy_range numeric, down_proxy_url text);
    create table x_meta (id integer primary key autoincrement, path text unique, password text, p_sub numeric, write numeric, w_sub numeric, hide text, h_sub numeric,
      readme text, r_sub numeric, header text, header_sub numeric);
    create table x_search_nodes (parent text, name text, is_dir numeric, size integer);
    insert into x_search_nodes values ('/', 'local', 1, 0);
  `);
  for (const [key, value] of Object.entries({
    version: "v0",
    token: ALIST_TOKEN,
    site_title: "Old files",
    logo: "https://cdn.example/gh/alist-org/logo.svg",
    sign_all: "true",
    link_expiration: "0",
    ldap_manager_password: "of somebody",
    privacy_regs: "x",
  })) {
    db.prepare("insert into x_setting_items (key, value) values (?, ?)").run(key, value);
  }
  if (isAlist) {
    db.exec(`create table x_roles (id integer primary key autoincrement, name text, description text, "default" numeric, raw_permission text);
      insert into x_roles values (1, 'guest', '', 0, '[{"path":"/","permission":0}]'), (2, 'admin', '', 0, '[{"path":"/","permission":65535}]'),
        (3, 'editors', '', 0, '[{"path":"/docs","permission":13306}]')`);
  } else {
    db.exec(`create table x_sharing_dbs (id varchar(64) primary key, files_raw text, expires datetime, pwd text, accessed integer, max_accessed integer, creator_id integer,
      disabled numeric, remark text, readme text, header text);
      insert into x_sharing_dbs values ('shared1', '["/docs"]', null, '1234', 1, 0, 1, 0, 'a remark', '', ''),
        ('shared2', '["/docs"]', '2020-01-02 03:04:05+00:00', '', 0, 0, 3, 0, '', '', '')`);
  }
  const roles = { admin: 2, guest: 1, alice: isAlist ? 3 : 0, bob: isAlist ? 3 : 0 };
  for (const [name, role] of Object.entries(roles)) {
    const salt = `salt-of-${name}`;
    const hash = storedHash((ALIST_PASSWORDS as Record<string, string>)[name] ?? `${name} unused`, salt);
    const permission = name === "admin" ? 65_535 : name === "guest" ? 0 : 13_306;
    const isGeneral = name === "alice" || name === "bob";
    db.prepare(
      `insert into x_users (username, pwd_hash, pwd_ts, salt, password, base_path, role, disabled, permission, otp_secret, sso_id, authn)
       values (?, ?, ?, ?, '', ?, ?, ?, ?, ?, '', '')`,
    ).run(
      name,
      hash,
      name === "alice" ? 1_700_000_000 : 0,
      salt,
      isGeneral ? "/docs" : "/",
      isAlist ? Buffer.from(JSON.stringify([role])) : role,
      Number(name === "guest"),
      permission,
      name === "bob" ? ALIST_TOTP : "",
    );
  }
  const storage = db.prepare(
    `insert into x_storages (mount_path, "order", driver, cache_expiration, addition, remark, disabled, webdav_policy, web_proxy, enable_sign)
     values (?, ?, ?, 30, ?, ?, ?, ?, 0, 0)`,
  );
  for (const [path, root] of Object.entries(o.local)) {
    const addition = {
      root_folder_path: root,
      thumbnail: false,
      show_hidden: true,
      recycle_bin_path: "delete permanently",
    };
    storage.run(path, 0, "Local", JSON.stringify(addition), "of old", 0, "native_proxy");
  }
  storage.run("/off", 1, "Local", JSON.stringify({ root_folder_path: o.folder }), "", 1, "native_proxy");
  storage.run(
    "/115",
    2,
    "115 Cloud",
    JSON.stringify({ cookie: ALIST_COOKIE, root_folder_id: "0" }),
    "",
    0,
    "302_redirect",
  );
  db.exec(`insert into x_meta values (1, '/docs/secret', 'open sesame', 1, 0, 0, '', 0, '# read me', 1, '', 0),
    (2, '/docs/hide', '', 1, 0, 0, '\\.tmp$', 0, '', 0, '', 0)`);
  for (const statement of o.more ?? []) db.exec(statement);
  writeFileSync(
    join(o.folder, "config.json"),
    JSON.stringify({ jwt_secret: ALIST_JWT_SECRET, site_url: "", token_expires_in: 48, database: { password: "x" } }),
  );
  if (!o.inWal) db.close();
  return { file, close: () => o.inWal && db.close() };
}

/** alist-api.md §4.2. */
function storedHash(password: string, salt: string): string {
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  return sha256(`${sha256(`${password}-https://github.com/alist-org/alist`)}-${salt}`);
}
