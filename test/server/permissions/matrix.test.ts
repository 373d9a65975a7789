import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BIT } from "#server/auth/permission-bits.ts";
import { METHODS, type Need, type Place, ROUTES } from "./routes.ts";
import { openPermissionWorld, type PermissionWorld } from "./world.ts";

/** Where people have their files; nothing is above it for all but administrators. */
const HOME = "/m/home";

const PLACES: readonly Place[] = [
  { kind: "plain", directory: "/free", file: "/free/a.txt" },
  { kind: "protected", directory: "/secret", file: "/secret/s.txt" },
  { kind: "hidden", directory: "/free/d.hidden", file: "/free/x.hidden" },
  { kind: "drop", directory: "/drop", file: "/drop/d.txt" },
];

const SEED = {
  home: {
    free: { "a.txt": "a", "x.hidden": "x", "d.hidden": { "h.txt": "h" } },
    secret: { "s.txt": "s" },
    drop: { "d.txt": "d" },
  },
  outside: { "o.txt": "o" },
};

/** Everything that a bit allows and this test knows. */
const EDITING: readonly Need[] = ["write", "rename", "move", "copy", "delete", "webdav_manage"];

/** What a role is, said without asking the server. */
interface Role {
  readonly name: string;
  /** `none`: refused with 401, whatever is asked. */
  readonly login: "none" | "guest" | "person" | "less" | "admin";
  readonly can: readonly Need[];
  readonly webdavRead: boolean;
  readonly seesAll?: true;
  /** What stands before the places' paths. */
  readonly root: string;
  readonly door?: "owner";
  /** For the API; WebDAV takes the same, or Basic. */
  token?(): string | undefined;
  readonly basic?: string;
  /** Logs in again. */
  renew?(): Promise<void>;
}

const bitsOf = (words: readonly (keyof typeof BIT)[]) => words.reduce((bits, word) => bits | BIT[word], 0);

/** General users: their name is their role's. */
const USERS: readonly { name: string; words: readonly (keyof typeof BIT)[]; disabled?: true }[] = [
  { name: "nothing", words: [] },
  { name: "reader", words: ["webdav_read"] },
  { name: "editor", words: ["webdav_read", ...EDITING] },
  { name: "writer", words: ["webdav_read", "webdav_manage", "write"] },
  { name: "renamer", words: ["webdav_read", "webdav_manage", "rename"] },
  { name: "insider", words: ["webdav_read", "see_hides", "access_without_password"] },
  { name: "blind", words: ["webdav_manage", "write"] },
  { name: "gone", words: ["webdav_read", ...EDITING], disabled: true },
];

describe("every route and method, for every role, in every kind of folder (alist-api.md §4.7, §4.9, §17.2)", () => {
  let world: PermissionWorld;
  let roles: Role[];
  beforeAll(async () => {
    world = await openPermissionWorld(SEED);
    const { users, tokens } = world.deps.auth;
    const sessions = new Map<string, string>();
    const logIn = async (name: string) => {
      const { sessions: all } = world.deps.auth;
      sessions.set(name, await all.start((await users.find(name))!, ""));
    };
    for (const { name, words, disabled } of USERS) {
      const input = { name, basePath: HOME, permission: bitsOf(words), disabled: false };
      const user = await users.create(input, `${name}-secret`);
      await logIn(name);
      if (disabled) await users.update(user.id, { ...input, disabled });
    }
    await world.addMeta({ path: HOME, hide: "\\.hidden$", hideSub: true });
    await world.addMeta({ path: `${HOME}/secret`, password: "open", passwordSub: true });
    await world.addMeta({ path: `${HOME}/drop`, write: true, writeSub: true });
    const guest = await users.guest();
    await users.update(guest.id, { name: "guest", basePath: HOME, permission: 0, disabled: false });
    await logIn("admin");
    const tokenOf = async (name: string, scope: "read" | "write" | "admin", path = "/") =>
      (await tokens.create((await users.find(name))!, { name: `${scope} of ${path}`, scope, path })).token;
    const made = {
      read: await tokenOf("editor", "read"),
      write: await tokenOf("editor", "write"),
      below: await tokenOf("admin", "write", HOME),
      admin: await tokenOf("admin", "admin"),
    };
    const everything = { can: EDITING, webdavRead: true, seesAll: true, root: HOME, login: "admin" } as const;
    roles = [
      { name: "a wrong token", login: "none", can: [], webdavRead: false, root: "", token: () => "garbage" },
      { name: "the guest", login: "guest", can: [], webdavRead: false, root: "" },
      ...USERS.map(({ name, words, disabled }): Role => {
        const can = EDITING.filter((word) => words.includes(word));
        const seesAll = words.includes("see_hides") && { seesAll: true as const };
        const login = disabled ? "none" : "person";
        const webdavRead = words.includes("webdav_read");
        const basic = `${name}:${name}-secret`;
        const session = { token: () => sessions.get(name), renew: () => logIn(name), basic };
        return { name, login, can, webdavRead, ...seesAll, root: "", ...session };
      }),
      { name: "editor's token to read", login: "less", can: [], webdavRead: true, root: "", token: () => made.read },
      {
        name: "editor's token to write",
        login: "less",
        can: EDITING,
        webdavRead: true,
        root: "",
        token: () => made.write,
      },
      {
        ...everything,
        name: "admin's token to write below a folder",
        login: "less",
        root: "",
        token: () => made.below,
      },
      { ...everything, name: "admin's token to administer", token: () => made.admin },
      { ...everything, name: "the static token", token: () => "alist-test-token" },
      {
        ...everything,
        name: "admin",
        token: () => sessions.get("admin"),
        renew: () => logIn("admin"),
        basic: "admin:correct horse",
      },
      { ...everything, name: "the control socket", door: "owner" },
    ];
  }, 60_000);
  afterAll(() => world.close());

  it("has a line for every route of the app and every method of WebDAV", async () => {
    const { paths } = JSON.parse((await world.ask({ method: "GET", target: "/api/openapi.json" })).text);
    const documented = Object.entries(paths as object).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(Object.keys(ROUTES).sort()).toEqual(documented.sort());
    const { allow = "" } = (await world.ask({ method: "OPTIONS", target: "/dav/" })).headers;
    expect(["OPTIONS", ...Object.keys(METHODS)].sort()).toEqual(allow.split(", ").sort());
  });

  it("lets each do at the API what is his, and nothing else", async () => {
    const wrong: string[] = [];
    let asked = 0;
    for (const [route, line] of Object.entries(ROUTES)) {
      const [method, path] = route.split(" ") as [string, string];
      for (const role of roles) {
        for (const place of line.needs ? PLACES : PLACES.slice(0, 1)) {
          const at = { ...place, directory: role.root + place.directory, file: role.root + place.file };
          const input = line.input?.(at) ?? {};
          const target = path.replace(/\{(\w+)\}/g, (_, name: string) => line.inPath?.[name] ?? "");
          const inQuery = method === "GET" || method === "DELETE" || line.inQuery === true;
          const query = new URLSearchParams(
            Object.entries(input).map(([key, value]): [string, string] => [key, String(value)]),
          );
          const token = role.token?.();
          const { code, status } = await world.ask(
            {
              method,
              target: inQuery && query.size > 0 ? `${target}?${query}` : target,
              headers: {
                ...(token && { Authorization: token }),
                ...(!inQuery && { "Content-Type": "application/json" }),
                ...line.headers?.(at),
              },
              ...(inQuery ? line.bytes !== undefined && { body: line.bytes } : { body: JSON.stringify(input) }),
            },
            role.door,
          );
          asked++;
          if (route === "GET /api/auth/logout") await role.renew?.();
          if (route === "POST /api/admin/setting/reset_token") {
            await world.deps.settings.set("token", "alist-test-token");
          }
          const got = code === 401 ? "login" : code === 403 ? "refused" : "let in";
          const expected = expectedOfRoute(line, role, place.kind);
          if (got !== expected || status === 500)
            wrong.push(`${route} ${role.name} ${place.kind}: ${code} (${expected})`);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(2000);
  }, 120_000);

  it("lets each do over WebDAV what is his, and nothing else", async () => {
    const wrong: string[] = [];
    for (const [method, line] of Object.entries(METHODS)) {
      for (const role of roles) {
        const token = role.token?.();
        const logins = [token && `Bearer ${token}`, role.basic && `Basic ${btoa(role.basic)}`].filter(Boolean);
        for (const authorization of logins.length > 0 ? (logins as string[]) : [""]) {
          for (const place of PLACES) {
            const on = line.on === "new" ? `${place.directory}/put` : place[line.on];
            const destination = line.destination?.(place);
            const { status } = await world.ask(
              {
                method,
                target: `/dav${role.root}${on}`,
                headers: {
                  ...(authorization && { Authorization: authorization }),
                  ...line.headers,
                  ...(destination && { Destination: `/dav${role.root}${destination}` }),
                },
                ...(line.body !== undefined && { body: line.body }),
              },
              role.door,
            );
            const got = status === 401 ? "login" : status === 403 ? "refused" : "let in";
            const expected = expectedOfMethod(line, role, place.kind, authorization);
            // A hidden name is not found by who reads: as if it were not there.
            const isUnseen =
              expected === "refused" && place.kind === "hidden" && line.needs[0]!.length === 0 && status === 404;
            if ((got !== expected && !isUnseen) || status === 500) {
              wrong.push(`${method} ${role.name} ${authorization.slice(0, 6)} ${place.kind}: ${status} (${expected})`);
            }
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  }, 120_000);
});

type Outcome = "login" | "refused" | "let in";

function expectedOfRoute(line: (typeof ROUTES)[string], role: Role, kind: Place["kind"]): Outcome {
  // At the visitors' door there is no such route: the app says 404, whoever asks.
  if (line.refuses && line.access === "open") return "refused";
  if (line.ownerOnly && role.door !== "owner") return "let in";
  if (line.access === "open") return "let in";
  if (role.login === "none") return "login";
  if (line.refuses) return "refused";
  if (line.access === "admin") return role.login === "admin" ? "let in" : "refused";
  if (line.access === "person") return role.login === "person" || role.login === "admin" ? "let in" : "refused";
  if (line.access === "user" && role.login === "guest") return "refused";
  if (line.changes && role.login === "less" && role.can.length === 0) return "refused";
  if (!line.needs) return "let in";
  if (line.needs === "bin") return role.login === "admin" ? "let in" : "refused";
  return isKept(role, kind) || !hasAll(role, line.needs, kind) ? "refused" : "let in";
}

function expectedOfMethod(line: (typeof METHODS)[string], role: Role, kind: Place["kind"], header: string): Outcome {
  // The guest of the API is nobody at a front that asks for a name.
  if (role.login === "none") return header.startsWith("Basic") ? "refused" : "login";
  if (role.login === "guest") return "login";
  if (!role.webdavRead || isKept(role, kind)) return "refused";
  return line.needs.some((needs) => hasAll(role, needs, kind)) ? "let in" : "refused";
}

function isKept(role: Role, kind: Place["kind"]): boolean {
  return !role.seesAll && (kind === "protected" || kind === "hidden");
}

/** A folder's `write` stands for that one bit alone. */
function hasAll(role: Role, needs: readonly Need[], kind: Place["kind"]): boolean {
  return needs.every((need) => role.can.includes(need) || (need === "write" && kind === "drop"));
}
