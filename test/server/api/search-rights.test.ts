/** A search shows nobody anything that listing folder by folder would not show him, in content or total. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Api, openApi } from "./world.ts";

const SEED = {
  红: { "楼.txt": "", secret: { "red.txt": "", 楼: { "deep red.txt": "" } }, "red.txt": "" },
  楼: { "red.txt": "", secret: { "楼 red.txt": "" } },
  "red.txt": "",
};
const DIRECTORIES = ["", "/红", "/红/secret", "/红/secret/楼", "/楼", "/楼/secret"].map((path) => `/local${path}`);

const directory = fc.constantFrom(...DIRECTORIES);
const rule = fc.record({
  path: directory,
  password: fc.constantFrom("", "", "open"),
  p_sub: fc.boolean(),
  hide: fc.constantFrom("", "^secret$", "red", "楼"),
  h_sub: fc.boolean(),
});
const asked = fc.record({
  rules: fc.uniqueArray(rule, { maxLength: 3, selector: ({ path }) => path }),
  basePath: directory,
  parent: fc.constantFrom("/", "/secret", "/红", "/楼"),
  keywords: fc.constantFrom("red", "楼", "secret", ""),
  password: fc.constantFrom("", "open"),
});

describe("what a search shows", () => {
  let api: Api;
  let users = 0;
  beforeAll(async () => {
    api = await openApi({ seed: SEED });
    for (const path of DIRECTORIES) await api.post("/api/fs/list", { path });
  });
  afterAll(() => api.close());

  /** Full paths that the user meets by listing, with his password, from a directory down; undefined where he may not list it. */
  async function walk(token: string, base: string, path: string, password: string): Promise<string[] | undefined> {
    const { code, data } = await api.post("/api/fs/list", { path, password }, { token });
    if (code !== 200) return undefined;
    const all: string[] = [];
    for (const { name, is_dir } of data.content as { name: string; is_dir: boolean }[]) {
      const below = `${path === "/" ? "" : path}/${name}`;
      all.push(base + below);
      if (is_dir) all.push(...((await walk(token, base, below, password)) ?? []));
    }
    return all;
  }

  it("is what he can list, and all of it where no password keeps him out", async () => {
    await fc.assert(
      fc.asyncProperty(asked, async ({ rules, basePath, parent, keywords, password }) => {
        const ids: number[] = [];
        for (const one of rules) {
          await api.post("/api/admin/meta/create", one);
          const { data } = await api.get("/api/admin/meta/list");
          ids.push(data.content.find(({ path }: { path: string }) => path === one.path).id);
        }
        const token = await api.addUser(`user${users++}`, { basePath });
        const met = await walk(token, basePath, parent, password);
        const reply = await api.post(
          "/api/fs/search",
          { parent, keywords, scope: 0, page: 1, per_page: 100, password },
          { token },
        );
        for (const id of ids) await api.post(`/api/admin/meta/delete?id=${id}`, {});
        const found =
          reply.code === 200
            ? (reply.data.content as { parent: string; name: string }[]).map(({ parent: at, name }) => `${at}/${name}`)
            : [];
        expect(found.filter((path) => !met?.includes(path))).toEqual([]);
        if (reply.code === 200) expect(reply.data.total).toBe(found.length);
        if (met === undefined || rules.some((one) => one.password !== "")) return;
        const meant = met.filter((path) => path.split("/").at(-1)!.includes(keywords));
        expect(found.sort()).toEqual(meant.sort());
      }),
      { numRuns: 40 },
    );
  });
});
