import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isWithin } from "#drivers/contract/path.ts";
import { ALL_BITS } from "#server/auth/permission-bits.ts";
import { type Answer, type Asked, openPermissionWorld, type PermissionWorld } from "./world.ts";

const HOME = "/m/home/ann";

/** Stands in names and contents outside that no request says: wherever it is read, something was let out. */
const MARK = "zzoutside";

/** What a client may put where a name belongs: climbing, in every spelling that somebody once decoded twice. */
const SEGMENTS = [
  ...[
    "a",
    "b.txt",
    "sub",
    "",
    ".",
    "..",
    "...",
    "..;",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%252e%252e",
    "%2f",
    "..%2f",
    "%5c",
  ],
  ...["..%5c", "\\", "..\\", "%00", "%c0%ae%c0%ae", "%ff", "~", "ann", "bob", "home", "m", "＠", "．．", "a%0d%0aX: y"],
  ...["?", "#", "*", "con", "a b", "%", "{}", "secret", "m%2fhome%2fbob", "s.txt"],
];

const path = fc.array(fc.constantFrom(...SEGMENTS), { maxLength: 6 }).map((segments) => `/${segments.join("/")}`);
/** A path that may be absolute at the host, of another front, or of the whole server. */
const anyPath = fc.oneof(
  { weight: 4, arbitrary: path },
  fc.constantFrom(
    "/m/home/bob/s.txt",
    "/m/secret",
    "m/home/bob",
    "../bob/s.txt",
    "/..",
    "..",
    "/../../secret",
    "/m",
    "/",
  ),
);

type Made = (first: string, second: string, name: string) => Asked;

const json = (target: string, body: object): Asked => ({
  method: "POST",
  target,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});
const query = (method: string, target: string, fields: Record<string, string>, body?: string): Asked => ({
  method,
  target: `${target}?${new URLSearchParams(fields)}`,
  ...(body !== undefined && { body }),
});
const dav =
  (method: string, more: Partial<Asked> = {}): Made =>
  (first) => ({ method, target: `/dav${first}`, ...more });
const davTo =
  (method: string, prefix: string): Made =>
  (first, second) => ({
    method,
    target: `/dav${first}`,
    headers: { Destination: `${prefix}${second.replace(/[^\x21-\x7e]/gu, encodeURIComponent)}`, Overwrite: "T" },
  });
const LOCK_BODY =
  '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>';

/** Every way to name a path, at every front. */
const FRONTS: Readonly<Record<string, Made>> = {
  list: (first) => json("/api/fs/list", { path: first, refresh: true }),
  get: (first) => json("/api/fs/get", { path: first }),
  "get by query": (first) => query("GET", "/api/fs/get", { path: first }),
  dirs: (first) => json("/api/fs/dirs", { path: first }),
  "dirs of the server": (first) => json("/api/fs/dirs", { path: first, force_root: true }),
  mkdir: (first) => json("/api/fs/mkdir", { path: first }),
  rename: (first, _, name) => json("/api/fs/rename", { path: first, name, overwrite: true }),
  move: (first, second, name) =>
    json("/api/fs/move", { src_dir: first, dst_dir: second, names: [name], overwrite: true }),
  copy: (first, second, name) =>
    json("/api/fs/copy", { src_dir: first, dst_dir: second, names: [name], overwrite: true }),
  remove: (first, _, name) => json("/api/fs/remove", { dir: first, names: [name] }),
  stat: (first) => query("GET", "/api/pandav/fs/stat", { path: first }),
  link: (first) => query("GET", "/api/pandav/fs/link", { path: first || "/" }),
  walk: (first) => query("GET", "/api/pandav/fs/walk", { path: first || "/" }),
  "find by name": (first, _, name) => query("GET", "/api/pandav/fs/walk", { path: first || "/", name: `*${name}*` }),
  du: (first) => query("GET", "/api/pandav/fs/du", { path: first || "/" }),
  usage: (first) => query("GET", "/api/pandav/usage", { path: first }),
  mounts: () => ({ method: "GET", target: "/api/pandav/mounts" }),
  me: () => ({ method: "GET", target: "/api/me" }),
  "make parents": (first) => json("/api/pandav/fs/mkdir", { path: first || "/", parents: true }),
  "remove paths": (first, second) =>
    json("/api/pandav/fs/remove", { paths: [first || "/", second || "/"], recursive: true }),
  transfer: (first, second) =>
    json("/api/pandav/fs/transfer", { how: "move", from: first || "/", to: second || "/", conflict: "replace" }),
  "copy by transfer": (first, second) =>
    json("/api/pandav/fs/transfer", { how: "copy", from: first || "/", to: second || "/", conflict: "rename" }),
  read: (first) => query("GET", "/api/pandav/fs/read", { path: first || "/" }),
  content: (first) => query("GET", "/api/pandav/fs/content", { path: first || "/" }),
  put: (first) => query("PUT", "/api/pandav/fs/content", { path: first || "/", conflict: "replace" }, "new"),
  trash: (first) => query("GET", "/api/pandav/trash", { path: first }),
  "empty trash": (first) => json("/api/pandav/trash/empty", { path: first }),
  "upload a file of the server": (first) =>
    json("/api/pandav/fs/upload-local", {
      localPath: "/etc/hostname",
      path: first || "/",
      size: 1,
      modifiedNs: "1",
      inode: "1",
    }),
  PROPFIND: dav("PROPFIND", { headers: { Depth: "1" } }),
  "PROPFIND of one": dav("PROPFIND", { headers: { Depth: "0" } }),
  "PROPFIND of all": dav("PROPFIND", { headers: { Depth: "infinity" } }),
  GET: dav("GET"),
  HEAD: dav("HEAD"),
  PUT: dav("PUT", { body: "new" }),
  MKCOL: dav("MKCOL"),
  DELETE: dav("DELETE"),
  PROPPATCH: dav("PROPPATCH", {
    body: '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">1</x></D:prop></D:set></D:propertyupdate>',
  }),
  LOCK: dav("LOCK", { body: LOCK_BODY, headers: { Timeout: "Second-1", Depth: "0" } }),
  UNLOCK: dav("UNLOCK", { headers: { "Lock-Token": "<urn:uuid:none>" } }),
  "If of another path": (first, second) => ({
    method: "GET",
    target: `/dav${first}`,
    headers: { If: `</dav${second.replace(/[^\x21-\x7e]|[<>]/gu, encodeURIComponent)}> (["x"])` },
  }),
  COPY: davTo("COPY", "/dav"),
  MOVE: davTo("MOVE", "/dav"),
  "COPY to a URL": davTo("COPY", "http://127.0.0.1/dav"),
  "MOVE out of the front": davTo("MOVE", ""),
  "GET without the front": (first) => ({ method: "GET", target: first }),
};

describe.each([
  ["a user with a base path and every bit", "session"],
  ["a token of the administrator for one folder", "token"],
  ["the same user by Basic", "basic"],
])("nothing outside the base path is read, named or touched, by any front: %s (alist-api.md §4.8)", (_, login) => {
  let world: PermissionWorld;
  let authorization: string;
  beforeAll(async () => {
    world = await openPermissionWorld({
      home: {
        ann: { a: { "b.txt": "mine", sub: {} }, "b.txt": "mine", sub: { "s.txt": "mine" } },
        bob: { "s.txt": `${MARK} text`, [`${MARK}-1`]: { "b.txt": `${MARK} text` } },
        [`ann${MARK}`]: { "b.txt": `${MARK} text` },
        [`${MARK}-2`]: "",
      },
      secret: { "s.txt": `${MARK} text`, [`${MARK}-3`]: "" },
      [`${MARK}-4`]: "",
    });
    const { users, sessions, tokens } = world.deps.auth;
    // No right makes up for the base path, but what hides nothing inside it is given.
    const input = { name: "ann", basePath: HOME, permission: ALL_BITS, disabled: false };
    const ann = await users.create(input, "ann-secret");
    if (login === "session") authorization = await sessions.start(ann, "");
    if (login === "basic") authorization = `Basic ${btoa("ann:ann-secret")}`;
    if (login === "token") {
      const made = await tokens.create(await users.owner(), { name: "t", scope: "write", path: HOME });
      authorization = made.token;
    }
  });
  afterAll(() => world.close());

  it("whatever is asked", async () => {
    const outside = () => world.truth().filter((one) => !isWithin(`/m${one}`, HOME));
    const before = outside();
    let letIn = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(FRONTS)),
        anyPath,
        anyPath,
        fc.constantFrom(...SEGMENTS),
        async (front, first, second, name) => {
          const asked = FRONTS[front]!(first, second, name);
          world.touched();
          let answer: Answer;
          try {
            answer = await world.ask({ ...asked, headers: { ...asked.headers, Authorization: authorization } });
          } catch (error) {
            // A header that Node itself refuses to send never reaches the server.
            if ((error as { code?: string }).code === "ERR_INVALID_CHAR") return;
            throw error;
          }
          if (answer.code < 300) letIn++;
          const seen = answer.text + JSON.stringify(answer.headers);
          expect(seen).not.toContain(MARK);
          expect(world.touched().filter((one) => !isAskedOfAll(one) && !isWithin(one, HOME))).toEqual([]);
          expect(outside()).toEqual(before);
          expect(answer.status).not.toBe(500);
        },
      ),
      { numRuns: 1500, seed: 20240229, endOnFailure: false },
    );
    // Else the property would hold of a server that refuses everything.
    expect(letIn).toBeGreaterThan(20);
  }, 60_000);
});

/** The mount's own numbers and bin are asked by its path; who may is decided before. */
function isAskedOfAll(path: string): boolean {
  return path === "/m";
}
