/** What each route of the API and each method of WebDAV needs, said once by hand: the matrix is generated from it. */

/** Where a request goes, relative to the folder that its caller calls `/`. */
export interface Place {
  /** Nothing special; a folder with a password; a hidden name; a folder that lets everybody write. */
  readonly kind: "plain" | "protected" | "hidden" | "drop";
  readonly directory: string;
  readonly file: string;
}

/** AList's bits by name (alist-api.md §4.7), and `write` also by the folder's own rule. */
export type Need = "write" | "rename" | "move" | "copy" | "delete" | "webdav_manage";

/** Who may call a route at all: anybody without a login, anybody with one (the guest too), everybody but the guest, who has an account, administrators. */
export type Access = "open" | "any" | "user" | "person" | "admin";

export interface Line {
  readonly access: Access;
  /** Present for routes about a path: what its caller needs there; `bin`: everything in the whole mount. */
  readonly needs?: readonly Need[] | "bin";
  /** A query, or a body with POST and PUT. Without effect for who is let in. */
  input?(place: Place): Readonly<Record<string, unknown>>;
  /** Values of what stands in braces. */
  readonly inPath?: Readonly<Record<string, string>>;
  /** True where everybody who is let in is told 403 all the same: there is no such thing here. */
  readonly refuses?: true;
  /** True where the caller's door decides before he is asked for: only on the control socket. */
  readonly ownerOnly?: true;
  /** Sent although the method is GET, or the input a query although the method is POST. */
  readonly inQuery?: true;
  /** True where a token that only reads is refused. */
  readonly changes?: true;
  /** A body of bytes. */
  readonly bytes?: string;
  headers?(place: Place): Readonly<Record<string, string>>;
}

const NOBODY = { id: 999_999 };
const path = ({ file }: Place) => ({ path: file });
const directory = (place: Place) => ({ path: place.directory });
const missing = ({ directory: at }: Place) => `${at}/none`;

const open = (input: Line["input"] = () => ({})): Line => ({ access: "open", input });
const any = (): Line => ({ access: "any" });
const person = (input: Line["input"] = () => ({}), more: Partial<Line> = {}): Line => ({
  access: "person",
  input,
  ...more,
});
const user = (input: Line["input"] = () => ({}), more: Partial<Line> = {}): Line => ({
  access: "user",
  input,
  ...more,
});
/** Changes something: not for tokens that only read. */
const changer = (input: Line["input"] = () => ({}), more: Partial<Line> = {}): Line =>
  user(input, { changes: true, ...more });
const admin = (input: Line["input"] = () => ({}), more: Partial<Line> = {}): Line => ({
  access: "admin",
  input,
  ...more,
});
const reads = (input: Line["input"] = path): Line => ({ access: "any", needs: [], input: input! });
const needs = (wanted: Line["needs"], input: NonNullable<Line["input"]>, more: Partial<Line> = {}): Line => ({
  access: "any",
  needs: wanted!,
  input,
  ...more,
});
const byId: Partial<Line> = { inQuery: true };
const inPath = { inPath: { id: "999999" } };
const ofType = { inPath: { type: "copy" } };

/** AList's task routes, for everybody's own and once more for administrators (alist-api.md §13). */
function taskLines(prefix: string, read: typeof user, change: typeof user): Record<string, Line> {
  const lines: Record<string, Line> = {
    [`GET ${prefix}/{type}/undone`]: read(() => ({}), ofType),
    [`GET ${prefix}/{type}/done`]: read(() => ({}), ofType),
    [`POST ${prefix}/{type}/info`]: read(() => ({ tid: "none" }), { ...ofType, inQuery: true }),
  };
  for (const action of ["cancel", "delete", "retry"]) {
    lines[`POST ${prefix}/{type}/${action}`] = change(() => ({ tid: "none" }), { ...ofType, inQuery: true });
    lines[`POST ${prefix}/{type}/${action}_some`] = change(() => [] as never, ofType);
  }
  for (const action of ["clear_done", "clear_succeeded", "retry_failed"]) {
    lines[`POST ${prefix}/{type}/${action}`] = change(() => ({}), { ...ofType, inQuery: true });
  }
  return lines;
}

/** Routes that take nothing, each under this path. */
const each = (path: string, names: readonly string[], line: Line, method = "POST"): Record<string, Line> =>
  Object.fromEntries(names.map((name) => [`${method} ${path}/${name}`, line]));
const eitherWay = (path: string, line: Line): Record<string, Line> => ({
  [`GET ${path}`]: line,
  [`POST ${path}`]: line,
});
const upload = (place: Place) => ({ "File-Path": encodeURIComponent(`${place.directory}/put`), "X-File-Size": "3" });
const DOWNLOADERS = [
  ...["115", "115_open", "123_open", "123_pan", "guangyapan", "pikpak", "thunder", "thunderx", "thunder_browser"],
];

const transfer = (place: Place) => ({ src_dir: place.directory, dst_dir: `${place.directory}/sub`, names: ["none"] });
const meta = { path: "/x", hide: "(" };

export const ROUTES: Readonly<Record<string, Line>> = {
  "GET /": open(),
  "GET /ping": open(),
  "GET /healthz": open(),
  "POST /api/auth/login": open(() => ({ username: "nobody here" })),
  "POST /api/auth/login/hash": open(() => ({ username: "nobody here" })),
  "POST /api/auth/2fa/generate": person(),
  "POST /api/auth/2fa/verify": person(() => ({ code: "000000", secret: "JBSWY3DPEHPK3PXP" })),
  "GET /api/me": any(),
  "POST /api/me/update": person(),
  "GET /api/fs/list": reads(directory),
  "POST /api/fs/list": reads(directory),
  "GET /api/fs/get": reads(),
  "POST /api/fs/get": reads(),
  "GET /api/fs/dirs": reads(directory),
  "POST /api/fs/dirs": reads(directory),
  "POST /api/fs/mkdir": needs(["write"], (place) => ({ path: `${place.directory}/sub` })),
  "POST /api/fs/rename": needs(["rename"], (place) => ({ path: missing(place), name: "other" })),
  "POST /api/fs/move": needs(["move", "write"], transfer),
  "POST /api/fs/copy": needs(["copy", "write"], transfer),
  "POST /api/fs/remove": needs(["delete"], (place) => ({ dir: place.directory, names: ["none"] })),
  "GET /api/admin/storage/list": admin(),
  "GET /api/admin/storage/get": admin(() => NOBODY),
  "POST /api/admin/storage/create": admin(() => ({ mount_path: "/x", driver: "none", addition: "{}" })),
  "POST /api/admin/storage/update": admin(() => ({ ...NOBODY, mount_path: "/x", driver: "none", addition: "{}" })),
  "POST /api/admin/storage/delete": admin(() => NOBODY, byId),
  "POST /api/admin/storage/enable": admin(() => NOBODY, byId),
  "POST /api/admin/storage/disable": admin(() => NOBODY, byId),
  "GET /api/admin/driver/list": admin(),
  "GET /api/admin/driver/names": admin(),
  "GET /api/admin/driver/info": admin(() => ({ driver: "Memory" })),
  "GET /api/admin/user/list": admin(),
  "GET /api/admin/user/get": admin(() => NOBODY),
  "POST /api/admin/user/create": admin(() => ({ username: "x:y", password: "p" })),
  "POST /api/admin/user/update": admin(() => ({ ...NOBODY, username: "x" })),
  "POST /api/admin/user/delete": admin(() => NOBODY, byId),
  "POST /api/admin/user/cancel_2fa": admin(() => NOBODY, byId),
  "POST /api/admin/user/del_cache": admin(() => ({ username: "nobody here" }), byId),
  "GET /api/admin/meta/list": admin(),
  "GET /api/admin/meta/get": admin(() => NOBODY),
  "POST /api/admin/meta/create": admin(() => meta),
  "POST /api/admin/meta/update": admin(() => ({ ...meta, ...NOBODY })),
  "POST /api/admin/meta/delete": admin(() => NOBODY, byId),
  "POST /api/pandav/import": admin(() => ({}), { bytes: "no file of theirs" }),
  "GET /api/pandav/notifications": admin(),
  "POST /api/pandav/notifications/channels": admin(() => ({ kind: "none", settings: {} })),
  "DELETE /api/pandav/notifications/channels/{kind}": admin(() => ({}), { inPath: { kind: "none" } }),
  "POST /api/pandav/notifications/language": admin(() => ({ language: "none" })),
  "POST /api/pandav/notifications/test": admin(() => ({ kind: "none" })),
  "POST /api/pandav/backup": admin(() => ({ passphrase: "short" })),
  "POST /api/pandav/user/password": admin(() => ({ name: "nobody here", password: "x" })),
  "GET /api/pandav/tokens": person(),
  "POST /api/pandav/tokens": person(() => ({ name: "" })),
  "DELETE /api/pandav/tokens/{id}": person(() => ({}), inPath),
  "GET /api/pandav/storages": admin(),
  "POST /api/pandav/storages": admin(() => ({ mountPath: "/x", driver: "none" })),
  "POST /api/pandav/storages/set": admin(),
  "GET /api/pandav/account-kinds": admin(),
  "GET /api/pandav/accounts": admin(),
  "POST /api/pandav/accounts": admin(() => ({ kind: "none", text: "x" })),
  "GET /api/pandav/accounts/{id}": admin(() => ({}), inPath),
  "DELETE /api/pandav/accounts/{id}": admin(() => ({}), inPath),
  "POST /api/pandav/accounts/{id}/check": admin(() => ({}), inPath),
  "POST /api/pandav/accounts/{id}/logout": admin(() => ({}), inPath),
  "POST /api/pandav/accounts/{id}/rate": admin(() => ({ perSecond: 1 }), inPath),
  "POST /api/pandav/logins": admin(() => ({ kind: "none" })),
  "GET /api/pandav/logins/{id}": admin(() => ({}), inPath),
  "DELETE /api/pandav/logins/{id}": admin(() => ({}), inPath),
  "POST /api/pandav/logins/{id}/answer": admin(() => ({ code: "1" }), inPath),
  "GET /api/pandav/mounts": any(),
  "POST /api/pandav/mounts/use": admin(() => ({ mountPath: "/none" })),
  "GET /api/pandav/usage": reads(),
  "GET /api/pandav/audit": admin(),
  "GET /api/pandav/fs/stat": reads(),
  "POST /api/pandav/fs/mkdir": needs(["write"], (place) => ({ path: `${place.directory}/sub` })),
  "POST /api/pandav/fs/remove": needs(["delete"], (place) => ({ paths: [missing(place)] })),
  "GET /api/pandav/fs/link": reads(),
  "GET /api/pandav/fs/read": reads(),
  "GET /api/pandav/fs/content": reads(),
  "PUT /api/pandav/fs/content": needs(["write"], (place) => ({ path: `${place.directory}/put`, conflict: "replace" }), {
    inQuery: true,
    bytes: "new",
  }),
  "GET /api/pandav/fs/walk": reads(directory),
  "GET /api/pandav/fs/du": reads(directory),
  "GET /api/pandav/fs/find": reads(directory),
  "POST /api/pandav/fs/transfer": needs(["copy", "write"], (place) => ({
    how: "copy",
    from: missing(place),
    to: `${place.directory}/sub/none`,
  })),
  "POST /api/pandav/fs/upload-local": needs(
    ["write"],
    (place) => ({ localPath: "/none", path: `${place.directory}/up`, size: 0, modifiedNs: "0", inode: "0" }),
    { ownerOnly: true },
  ),
  "GET /api/pandav/trash": needs("bin", directory),
  "POST /api/pandav/trash/restore": needs("bin", (place) => ({ ...directory(place), items: ["none"] })),
  "POST /api/pandav/trash/purge": needs("bin", (place) => ({ ...directory(place), items: ["none"] })),
  "POST /api/pandav/trash/empty": needs("bin", directory),
  ...taskLines("/api/task", user, changer),
  ...taskLines("/api/admin/task", admin, admin),
  "GET /api/pandav/tasks": user(),
  "GET /api/pandav/tasks/{id}": user(() => ({}), inPath),
  "POST /api/pandav/tasks": needs(
    ["copy", "write"],
    (place) => ({ task: { kind: "copy", from: missing(place), to: `${place.directory}/sub/none` } }),
    { access: "user" },
  ),
  "POST /api/pandav/tasks/cancel": changer(() => ({ ids: [] })),
  "POST /api/pandav/tasks/retry": changer(() => ({ ids: [] })),
  "POST /api/pandav/tasks/remove": changer(() => ({ ids: [] })),
  "GET /api/pandav/tasks/events": user(() => ({ forMs: 1 })),
  ...eitherWay("/api/public/settings", open()),
  ...eitherWay("/api/public/offline_download_tools", open()),
  ...eitherWay("/api/public/archive_extensions", open()),
  ...each("", ["favicon.ico", "logo.svg", "manifest.json", "robots.txt"], open(), "GET"),
  "GET /i/{name}": { ...open(), inPath: { name: "none.plist" } },
  "POST /api/fs/batch_rename": needs(["rename"], (place) => ({
    src_dir: place.directory,
    rename_objects: [{ src_name: "none", new_name: "other" }],
  })),
  "POST /api/fs/regex_rename": needs(["rename"], (place) => ({
    src_dir: place.directory,
    src_name_regex: "^nothing has this name$",
    new_name_regex: "x",
  })),
  "POST /api/fs/recursive_move": needs(["move", "write"], (place) => ({
    src_dir: missing(place),
    dst_dir: `${place.directory}/sub`,
  })),
  "POST /api/fs/remove_empty_directory": needs(["delete"], (place) => ({ src_dir: missing(place) })),
  ...eitherWay("/api/fs/search", any()),
  "POST /api/fs/link": admin((place) => ({ path: place.file })),
  "PUT /api/fs/put": needs(["write"], () => ({}), { inQuery: true, bytes: "new", headers: upload }),
  "PUT /api/fs/form": needs(["write"], () => ({}), {
    inQuery: true,
    bytes: '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nnew\r\n--b--\r\n',
    headers: (place) => ({ ...upload(place), "Content-Type": "multipart/form-data; boundary=b" }),
  }),
  "POST /api/fs/multipart/init": needs(["write"], () => ({}), { headers: upload }),
  "PUT /api/fs/multipart/chunk": { access: "any", inQuery: true, bytes: "new" },
  "GET /api/fs/multipart/status": any(),
  "POST /api/fs/multipart/complete": any(),
  "POST /api/fs/multipart/abort": any(),
  ...each("/api/admin/setting", ["list", "get"], admin(), "GET"),
  "POST /api/admin/setting/save": admin(() => ({})),
  "POST /api/admin/setting/default": admin(() => ({ group: 1 }), byId),
  "POST /api/admin/setting/delete": admin(() => ({ key: "none" }), byId),
  "POST /api/admin/setting/set_token": admin(() => ({ token: "short" })),
  "POST /api/admin/setting/reset_token": admin(),
  ...each(
    "/api/admin/setting",
    DOWNLOADERS.map((name) => `set_${name}`),
    admin(),
  ),
  ...each("/api/admin/setting", ["set_aria2", "set_qbit", "set_transmission"], admin()),
  ...each("/api/admin/setting", ["set_frp", "stop_frp"], { ...admin(), refuses: true }),
  "GET /api/admin/setting/frp_runtime": admin(),
  "POST /api/admin/storage/load_all": admin(),
  ...each(
    "/api/admin/role",
    ["list", "get"],
    admin(() => ({ id: 1 })),
    "GET",
  ),
  ...each("/api/admin/role", ["create", "update", "delete"], { ...admin(), refuses: true }),
  "GET /api/me/sessions": person(),
  "POST /api/me/sessions/evict": person(() => ({ session_id: "none" })),
  "GET /api/admin/session/list": admin(),
  "POST /api/admin/session/clean": admin(),
  "GET /api/fs/lark/export/download": any(),
  "GET /api/public/share/info": open(),
  ...each("/api/public/share", ["auth", "list", "get"], open()),
  "POST /api/admin/session/evict": admin(() => ({ session_id: "none" })),
  ...each("/api/auth", ["login/ldap", "register"], { ...open(), refuses: true }),
  ...each("/api/auth", ["sso", "sso_get_token", "get_sso_id"], { ...open(), refuses: true }, "GET"),
  "GET /api/auth/sso_callback": open(),
  "GET /api/authn/webauthn_begin_login": { ...open(), refuses: true },
  "POST /api/authn/webauthn_finish_login": { ...open(), refuses: true },
  "GET /api/authn/webauthn_begin_registration": { ...person(), refuses: true },
  ...each("/api/authn", ["webauthn_finish_registration", "delete_authn"], { ...person(), refuses: true }),
  "GET /api/authn/getcredentials": person(),
  "GET /api/me/sshkey/list": person(),
  "POST /api/me/sshkey/add": { ...person(), refuses: true },
  "POST /api/me/sshkey/delete": person(),
  "GET /api/admin/user/sshkey/list": admin(),
  "POST /api/admin/user/sshkey/delete": admin(),
  ...each(
    "/api",
    ["label/list", "label/get", "label_file_binding/get", "label_file_binding/get_file_by_label"],
    any(),
    "GET",
  ),
  "GET /api/admin/label_file_binding/list": admin(),
  ...each("/api/admin/label", ["create", "update", "delete"], { ...admin(), refuses: true }),
  ...each("/api/admin/label_file_binding", ["create", "create_batch", "delete", "restore"], {
    ...admin(),
    refuses: true,
  }),
  ...eitherWay("/api/share/list", person()),
  "GET /api/share/get": person(() => ({ id: "none" })),
  "POST /api/share/create": person(() => ({ files: [] })),
  "POST /api/share/update": person(() => ({ id: "none", files: [] })),
  ...each(
    "/api/share",
    ["delete", "enable", "disable"],
    person(() => ({ id: "none" }), byId),
  ),
  ...each("/api/admin/message", ["get", "send"], admin()),
  ...each("/api/admin/index", ["build", "update", "stop", "clear"], admin()),
  "GET /api/admin/index/progress": admin(),
  "GET /api/pandav/index": admin(),
  "POST /api/pandav/index/crawl": admin(),
  "POST /api/pandav/index/rule": admin((place) => ({ path: place.directory })),
  "GET /api/admin/scan/progress": admin(),
  ...each("/api/admin/scan", ["start", "stop"], admin()),
  ...eitherWay("/api/fs/other", any()),
  ...eitherWay("/api/fs/archive/meta", any()),
  ...eitherWay("/api/fs/archive/list", any()),
  ...each("/api/fs", ["archive/decompress", "add_offline_download", "get_direct_upload_info"], any()),
  ...each("/api/fs/torrent", ["parse", "upload_parse", "rapid_upload", "generate"], any()),
  "GET /api/auth/logout": any(),
};

export interface DavLine {
  /** One of these sets is enough; `webdav_read` is needed for everything. */
  readonly needs: readonly (readonly Need[])[];
  readonly on: "file" | "directory" | "new";
  /** Beside the request's own path. */
  destination?(place: Place): string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const LOCK_BODY =
  '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>';
const PATCH_BODY =
  '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">1</x></D:prop></D:set></D:propertyupdate>';

export const METHODS: Readonly<Record<string, DavLine>> = {
  PROPFIND: { needs: [[]], on: "directory", headers: { Depth: "1" } },
  GET: { needs: [[]], on: "file" },
  HEAD: { needs: [[]], on: "file" },
  PUT: { needs: [["webdav_manage", "write"]], on: "new", body: "new" },
  MKCOL: { needs: [["webdav_manage", "write"]], on: "new" },
  PROPPATCH: { needs: [["webdav_manage"]], on: "file", body: PATCH_BODY },
  LOCK: { needs: [["webdav_manage", "write"]], on: "file", body: LOCK_BODY, headers: { Timeout: "Second-1" } },
  UNLOCK: { needs: [["webdav_manage"]], on: "file", headers: { "Lock-Token": "<urn:uuid:none>" } },
  COPY: { needs: [["webdav_manage", "copy"]], on: "new", destination: (place) => `${place.directory}/sub/copy` },
  MOVE: {
    needs: [
      ["webdav_manage", "move"],
      ["webdav_manage", "rename"],
    ],
    on: "new",
    destination: (place) => `${place.directory}/sub/moved`,
  },
  DELETE: { needs: [["webdav_manage", "delete"]], on: "new" },
};
