/** What AList's clients ask after and this server does not have: each route answers that there is none, or refuses in words; one line for each (alist-api.md §12.8). */
import { z } from "@hono/zod-openapi";
import { type Access, declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ApiError } from "../envelope.ts";
import { nothing } from "../schemas.ts";

interface Absent {
  readonly method: "get" | "post" | "any";
  readonly path: string;
  readonly access: Exclude<Access, "open"> | "open";
  /** What there is of it: `data` of a success. */
  readonly data?: unknown;
  /** Code and message of the refusal, in place of `data`. */
  readonly refusal?: readonly [code: number, message: string];
}

const get = (access: Access, path: string, data: unknown): Absent => ({ method: "get", path, access, data });
const no = (method: Absent["method"], access: Access, path: string, code: number, message: string): Absent => ({
  method,
  path,
  access,
  refusal: [code, message],
});
const EMPTY_PAGE = { content: [], total: 0 };
const NO_SUCH_LOGIN = "this server knows its own accounts alone";
const NO_KEYS = "keys are of no use here: there is no SFTP";
const NO_ROLES = "roles are fixed here: give a user bits and a base path of his own";
const NO_LABELS = "there are no labels here";
const NO_ALIST_SHARES = "shares are opened at /@s/ and their id: record not found";
const NO_TORRENTS = "torrents are not read here: not support";
const NO_ARCHIVES = "archives are not read here: not support";
const NO_SCAN = "manual scan is not running";
const NO_DOWNLOADER = "storage does not exists";

/** Services that fetch files from elsewhere, each with a folder of its own in AList's settings. */
const DOWNLOADERS = [
  ...["115", "115_open", "123_open", "123_pan", "guangyapan", "pikpak", "thunder", "thunderx", "thunder_browser"],
];

/** The whole list. */
const ABSENT: readonly Absent[] = [
  no("post", "open", "/api/auth/login/ldap", 403, `ldap is not enabled: ${NO_SUCH_LOGIN}`),
  no("post", "open", "/api/auth/register", 403, "registration is disabled"),
  no("get", "open", "/api/auth/sso", 403, `Single sign-on is not enabled: ${NO_SUCH_LOGIN}`),
  no("get", "open", "/api/auth/sso_callback", 500, `sso login is disabled: ${NO_SUCH_LOGIN}`),
  ...["sso_get_token", "get_sso_id"].map((name) =>
    no("get", "open", `/api/auth/${name}`, 403, `Single sign-on is not enabled: ${NO_SUCH_LOGIN}`),
  ),
  no("get", "open", "/api/authn/webauthn_begin_login", 403, "WebAuthn is not enabled"),
  no("post", "open", "/api/authn/webauthn_finish_login", 403, "WebAuthn is not enabled"),
  no("get", "person", "/api/authn/webauthn_begin_registration", 403, "WebAuthn is not enabled"),
  no("post", "person", "/api/authn/webauthn_finish_registration", 403, "WebAuthn is not enabled"),
  no("post", "person", "/api/authn/delete_authn", 403, "WebAuthn is not enabled"),
  get("person", "/api/authn/getcredentials", []),
  get("person", "/api/me/sshkey/list", EMPTY_PAGE),
  no("post", "person", "/api/me/sshkey/add", 403, NO_KEYS),
  no("post", "person", "/api/me/sshkey/delete", 404, NO_KEYS),
  get("admin", "/api/admin/user/sshkey/list", EMPTY_PAGE),
  no("post", "admin", "/api/admin/user/sshkey/delete", 404, NO_KEYS),
  no("post", "admin", "/api/admin/role/create", 403, NO_ROLES),
  no("post", "admin", "/api/admin/role/update", 403, NO_ROLES),
  no("post", "admin", "/api/admin/role/delete", 403, NO_ROLES),
  // What has ended is forgotten at once.
  { method: "post", access: "admin", path: "/api/admin/session/clean", data: null },
  get("guest", "/api/label/list", EMPTY_PAGE),
  no("get", "guest", "/api/label/get", 500, NO_LABELS),
  get("guest", "/api/label_file_binding/get", []),
  get("guest", "/api/label_file_binding/get_file_by_label", []),
  get("admin", "/api/admin/label_file_binding/list", EMPTY_PAGE),
  ...["label/create", "label/update", "label/delete"].map((name) =>
    no("post", "admin", `/api/admin/${name}`, 403, NO_LABELS),
  ),
  ...["create", "create_batch", "delete", "restore"].map((name) =>
    no("post", "admin", `/api/admin/label_file_binding/${name}`, 403, NO_LABELS),
  ),
  no("post", "admin", "/api/admin/message/get", 404, "no message"),
  no("post", "admin", "/api/admin/message/send", 500, "nowhere needed"),
  no("post", "admin", "/api/admin/setting/set_aria2", 500, "aria2 is not driven by this server: not support"),
  no("post", "admin", "/api/admin/setting/set_qbit", 500, "qBittorrent is not driven by this server: not support"),
  no(
    "post",
    "admin",
    "/api/admin/setting/set_transmission",
    500,
    "Transmission is not driven by this server: not support",
  ),
  ...DOWNLOADERS.map((name) => no("post", "admin", `/api/admin/setting/set_${name}`, 400, NO_DOWNLOADER)),
  no("post", "guest", "/api/fs/add_offline_download", 500, "nothing here fetches files by itself: tool not found"),
  no("post", "admin", "/api/admin/setting/set_frp", 403, "there is no tunnel here"),
  no("post", "admin", "/api/admin/setting/stop_frp", 403, "there is no tunnel here"),
  get("admin", "/api/admin/setting/frp_runtime", { status: "stopped", logs: [] }),
  get("admin", "/api/admin/scan/progress", { obj_count: 0, is_done: true }),
  no("post", "admin", "/api/admin/scan/start", 500, "listings are kept without a scan: not support"),
  no("post", "admin", "/api/admin/scan/stop", 400, NO_SCAN),
  no("any", "guest", "/api/fs/other", 500, "not implement"),
  no("post", "guest", "/api/fs/get_direct_upload_info", 500, "not implement"),
  no("get", "guest", "/api/fs/lark/export/download", 500, "nothing here is of Lark: not support"),
  no("get", "open", "/api/public/share/info", 404, NO_ALIST_SHARES),
  ...["auth", "list", "get"].map((name) => no("post", "open", `/api/public/share/${name}`, 404, NO_ALIST_SHARES)),
  ...["parse", "upload_parse", "rapid_upload", "generate"].map((name) =>
    no("post", "guest", `/api/fs/torrent/${name}`, 500, NO_TORRENTS),
  ),
  no("any", "guest", "/api/fs/archive/meta", 500, NO_ARCHIVES),
  no("any", "guest", "/api/fs/archive/list", 500, NO_ARCHIVES),
  no("post", "guest", "/api/fs/archive/decompress", 500, NO_ARCHIVES),
];

/** Adds every route of the table. */
export function absentRoutes(app: ApiApp, deps: ApiDeps): void {
  for (const { method, path, access, data, refusal } of ABSENT) {
    const summary = refusal ? `Refused: ${refusal[1]}` : "There are none";
    declare(app, deps, { method, path, access, summary, input: nothing, output: z.unknown() }, async () => {
      if (refusal) throw new ApiError(...refusal);
      return data;
    });
  }
}
