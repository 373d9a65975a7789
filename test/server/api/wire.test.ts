/** What must agree: routes and their documentation, our replies and the wire's shapes. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PieceUploads } from "#server/api/piece-uploads.ts";
import { createRawRoutes } from "#server/api/raw-routes.ts";
import {
  COPY,
  CREATED,
  DIRS,
  DRIVER,
  differences,
  ENVELOPE,
  GET_A,
  GET_C,
  LIST_A,
  LIST_C,
  LOGIN,
  ME_A,
  ME_C,
  META,
  METAS,
  type Shape,
  STORAGE,
  STORAGES,
  TWO_FACTOR,
  USER_A,
  USER_C,
  USERS_A,
  USERS_C,
} from "./shapes.ts";
import { type Api, CLIENT_ID, openApi, PASSWORD } from "./world.ts";

describe("the wire", () => {
  let api: Api;
  beforeAll(async () => {
    api = await openApi();
    await api.post("/api/admin/meta/create", { path: "/local/empty", password: "open", readme: "# words" });
  });
  afterAll(() => api.close());

  it("documents every route in /api/openapi.json with a summary, its input and its output", async () => {
    // biome-ignore lint/suspicious/noExplicitAny: a document of no type of ours
    const document = (await (await api.app.request("/api/openapi.json")).json()) as any;
    const served = api.app.routes
      .filter(({ path, method }) => method !== "ALL" && !path.includes("*") && path !== "/api/openapi.json")
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const beforeHono = createRawRoutes(api.deps, new PieceUploads()).flatMap(({ path, methods }) =>
      methods.map((method) => `${method} ${path}`),
    );
    expect(new Set(documented)).toEqual(new Set([...served, ...beforeHono]));
    expect(served.length).toBeGreaterThan(150);
    expect(beforeHono.length).toBeGreaterThan(10);
    for (const methods of Object.values(document.paths)) {
      // biome-ignore lint/suspicious/noExplicitAny: as above
      for (const route of Object.values(methods as any) as any[]) {
        expect(route.summary).toBeTruthy();
        if (!route.responses[200]) continue;
        const reply = Object.values(route.responses[200].content)[0] as { schema: object };
        expect(reply.schema).toBeDefined();
      }
    }
    const list = document.paths["/api/fs/list"];
    expect(list.get.parameters.map(({ name }: { name: string }) => name)).toContain("per_page");
    expect(Object.keys(list.post.requestBody.content["application/json"].schema.properties)).toContain("refresh");
  });

  const post = (path: string, body: unknown) => ({ path, body });
  const login = { username: "admin", password: PASSWORD };
  const create = { mount_path: "/made", driver: "Memory", addition: "{}", cache_expiration: 30 };
  it.each<[string, { path: string; body?: unknown }, Shape, Shape]>([
    ["auth/login", post("/api/auth/login", login), LOGIN, LOGIN],
    ["auth/logout", { path: "/api/auth/logout" }, "null", "null"],
    ["me", { path: "/api/me" }, ME_C, ME_A],
    ["fs/list", post("/api/fs/list", { path: "/local/pages", page: 1, per_page: 3 }), LIST_C, LIST_A],
    ["fs/list of the root", post("/api/fs/list", { path: "/" }), LIST_C, LIST_A],
    ["fs/list of an empty folder", post("/api/fs/list", { path: "/local/empty" }), LIST_C, LIST_A],
    ["fs/get of a file", post("/api/fs/get", { path: "/local/films/a.mkv" }), GET_C, GET_A],
    ["fs/get of a folder", post("/api/fs/get", { path: "/local/films" }), GET_C, GET_A],
    ["fs/dirs", post("/api/fs/dirs", { path: "/local" }), DIRS, DIRS],
    ["fs/mkdir", post("/api/fs/mkdir", { path: "/local/new" }), "null", "null"],
    [
      "fs/copy",
      post("/api/fs/copy", { src_dir: "/local", dst_dir: "/local/empty", names: ["hello.txt"], overwrite: true }),
      COPY,
      COPY,
    ],
    ["fs/remove", post("/api/fs/remove", { dir: "/local", names: ["none"] }), "null", "null"],
    ["storage/list", { path: "/api/admin/storage/list?page=1&per_page=10" }, STORAGES, STORAGES],
    ["storage/get", { path: "/api/admin/storage/get?id=1" }, STORAGE, STORAGE],
    ["user/list", { path: "/api/admin/user/list?page=1&per_page=50" }, USERS_C, USERS_A],
    ["user/get", { path: "/api/admin/user/get?id=1" }, USER_C, USER_A],
    ["user/del_cache", post("/api/admin/user/del_cache?username=admin", {}), "null", "null"],
    ["meta/list", { path: "/api/admin/meta/list?page=1&per_page=50" }, METAS, METAS],
    ["meta/get", { path: "/api/admin/meta/get?id=1" }, META, META],
    ["me/update", post("/api/me/update", { username: "admin", password: "", sso_id: "" }), "null", "null"],
    ["auth/2fa/generate", post("/api/auth/2fa/generate", {}), TWO_FACTOR, TWO_FACTOR],
    ["driver/info", { path: "/api/admin/driver/info?driver=Memory" }, DRIVER, DRIVER],
    ["driver/names", { path: "/api/admin/driver/names" }, ["string"], ["string"]],
    ["driver/list", { path: "/api/admin/driver/list" }, { Memory: DRIVER, "Locked Box": DRIVER }, { Memory: DRIVER }],
  ])("%s answers in the shape of the real servers, in both dialects", async (_, { path, body }, classic, roles) => {
    for (const [headers, shape] of [
      [{}, classic],
      [CLIENT_ID, roles],
    ] as const) {
      const reply = await (body === undefined ? api.get(path, { headers }) : api.post(path, body, { headers }));
      expect([reply.status, reply.code, reply.message]).toEqual([200, 200, "success"]);
      expect(reply.headers.get("content-type")).toBe("application/json; charset=utf-8");
      expect(differences(reply, ENVELOPE)).toEqual([]);
      expect(differences(reply.data, shape)).toEqual([]);
    }
  });

  it("storage/create answers an id, and of a failure too (alist-api.md §12.1)", async () => {
    const made = await api.post("/api/admin/storage/create", create);
    expect([made.code, differences(made.data, CREATED)]).toEqual([200, []]);
    const taken = await api.post("/api/admin/storage/create", create);
    expect([taken.status, taken.code, taken.data.id]).toEqual([200, 500, 0]);
  });

  it("a failure is HTTP 200 with the code inside and data null (alist-api.md §2)", async () => {
    const reply = await api.post("/api/fs/list", { path: "/local/none" });
    expect([reply.status, reply.code, reply.data]).toEqual([200, 500, null]);
    expect(reply.message).toMatch(/object not found$/);
  });

  it("a shape finds what is missing or of another type", () => {
    expect(differences({ a: 1, c: [{ d: null }] }, { a: "string", b: "number", c: [{ d: "object|null" }] })).toEqual([
      "$.a is number, not string",
      "$.b is missing",
    ]);
  });
});
