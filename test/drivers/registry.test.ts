import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { Registry } from "#drivers/registry.ts";

/** A driver as text; zod's place is taken by what the registry looks at. */
const driver = (id: string, aliases: readonly string[] = []) => `{
  id: ${JSON.stringify(id)}, title: "T", aliases: ${JSON.stringify(aliases)},
  settings: { shape: {}, safeParse: () => ({ success: true }) },
  traits: { ids: "stable", names: {}, hashes: [], replace: "atomic", collision: "error" },
  async open() { return {}; } }`;

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pandav-registry-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

it("says of every driver what its definition says, without loading it", async () => {
  const registry = new Registry();
  expect(registry.ids()).toEqual(["local", "memory", "sjtu-pan"]);
  for (const { id, title, aliases, load } of registry.lines()) {
    expect(await load()).toMatchObject({ id, title, aliases });
  }
});

it("loads a driver when it is asked for, and not before", async () => {
  let loaded = 0;
  const registry = new Registry([
    {
      id: "a",
      title: "A",
      aliases: ["Alias"],
      load: async () => {
        loaded++;
        throw new Error("not part of this test");
      },
    },
  ]);
  expect([registry.ids(), registry.lines().length, await registry.find("b"), loaded]).toEqual([["a"], 1, undefined, 0]);
  await expect(registry.find("Alias")).rejects.toThrow("not part of this test");
  expect(loaded).toBe(1);
});

it("says of every kind of account what its definition says, and which kind each driver needs is there", async () => {
  const registry = new Registry();
  const { accounts } = registry;
  expect(accounts.kinds()).toEqual(["sjtu"]);
  for (const { kind, title, load } of accounts.lines()) expect(await load()).toMatchObject({ kind, title });
  for (const id of registry.ids()) {
    const { account } = (await registry.find(id)) ?? {};
    if (account) expect(accounts.kinds()).toContain(account.kind);
  }
});

it("finds drivers by AList's names", async () => {
  expect((await new Registry().find("Local"))?.id).toBe("local");
});

it.each([
  [
    "an ES module",
    { "node_modules/p/package.json": `{"name":"p","type":"module","exports":"./i.js"}` },
    "export const drivers = ",
  ],
  [
    "a package for import alone",
    { "node_modules/p/package.json": `{"name":"p","type":"module","exports":{".":{"import":"./i.js"}}}` },
    "export const drivers = ",
  ],
  ["CommonJS", { "node_modules/p/package.json": `{"name":"p","main":"i.js"}` }, "exports.drivers = "],
  [
    "CommonJS whose exports cannot be read ahead",
    { "node_modules/p/package.json": `{"name":"p","main":"i.js"}` },
    "const e = {}; module.exports = e; e.drivers = ",
  ],
])("loads a package beside the folder it is started in: %s", async (_what, files, before) => {
  const folder = await folderWith({ ...files, "node_modules/p/i.js": `${before}[${driver("outside", ["Outside"])}];` });
  const registry = new Registry();
  await registry.loadExternalDrivers(["p"], folder);
  expect(registry.ids()).toEqual([...new Registry().ids(), "outside"]);
  expect(await registry.find("Outside")).toBe(await registry.find("outside"));
});

it("loads modules by relative and absolute path", async () => {
  const folder = await folderWith({
    "one.mjs": `export const drivers = [${driver("one")}];`,
    "two.mjs": `export const drivers = [${driver("two")}];`,
  });
  const registry = new Registry([]);
  await registry.loadExternalDrivers(["./one.mjs", join(folder, "two.mjs")], folder);
  expect(registry.ids()).toEqual(["one", "two"]);
});

/** A kind of account as text. */
const account = (kind: string) => `{
  kind: ${JSON.stringify(kind)}, title: "T", credential: { safeParse: () => ({ success: true }) },
  flows: [{ id: "qr", input: { shape: {}, safeParse() {} }, async *run() {} }],
  async identify() {}, async check() {} }`;

it("takes kinds of accounts from packages, with drivers and alone", async () => {
  const folder = await folderWith({
    "both.mjs": `export const drivers = [${driver("one")}]; export const accounts = [${account("a")}];`,
    "alone.mjs": `export const accounts = [${account("b")}];`,
  });
  const registry = new Registry([], []);
  await registry.loadExternalDrivers(["./both.mjs", "./alone.mjs"], folder);
  const { accounts } = registry;
  expect([registry.ids(), accounts.kinds()]).toEqual([["one"], ["a", "b"]]);
  expect(await accounts.find("b")).toMatchObject({ kind: "b" });
  expect(await accounts.find("c")).toBeUndefined();
});

it.each([
  ["a kind that is taken", `[${account("sjtu")}]`, /its account kind "sjtu" is there already/],
  ["an account without flows", `[{ ...${account("a")}, flows: undefined }]`, /accounts\.0\.flows/],
  [
    "a flow that cannot run",
    `[{ ...${account("a")}, flows: [{ id: "qr", input: {} }] }]`,
    /accounts\.0\.flows\.0\.input/,
  ],
  ["accounts that are no array", "{}", /it has no export "drivers"/],
])("refuses %s with invalid-config that names the package", async (_what, accounts, message) => {
  const folder = await folderWith({ "m.mjs": `export const accounts = ${accounts};` });
  const failure = new Registry().loadExternalDrivers(["./m.mjs"], folder);
  await expect(failure).rejects.toMatchObject({ kind: "invalid-config", message: expect.stringMatching(message) });
  await expect(failure).rejects.toThrow("PANDAV_DRIVERS: ./m.mjs");
});

it.each([
  ["no such package", `export const drivers = [];`, "nowhere", /nowhere: there is no such package/],
  ["no export", "export const driver = 1;", "./m.mjs", /m\.mjs: it has no export "drivers"/],
  ["no driver in it", "export const drivers = [];", "./m.mjs", /it has no export "drivers" that is an array/],
  [
    "no open",
    `export const drivers = [{ ...${driver("a")}, open: undefined }];`,
    "./m.mjs",
    /drivers\.0\.open: must be a function/,
  ],
  ["a bad trait", `export const drivers = [{ ...${driver("a")}, traits: {} }];`, "./m.mjs", /drivers\.0\.traits\.ids/],
  [
    "settings that are no schema",
    `export const drivers = [{ ...${driver("a")}, settings: {} }];`,
    "./m.mjs",
    /drivers\.0\.settings: must be a z\.object/,
  ],
  [
    "an id that is taken",
    `export const drivers = [${driver("local")}];`,
    "./m.mjs",
    /wants the name "local", which "local" has/,
  ],
  [
    "an alias that is taken",
    `export const drivers = [${driver("mine", ["Local"])}];`,
    "./m.mjs",
    /wants the name "Local"/,
  ],
  ["a module that throws", `throw new Error("broken inside");`, "./m.mjs", /could not be loaded: broken inside/],
])("refuses %s with invalid-config that names the package", async (_what, text, specifier, message) => {
  const folder = await folderWith({ "m.mjs": text });
  const failure = new Registry().loadExternalDrivers([specifier], folder);
  await expect(failure).rejects.toMatchObject({ kind: "invalid-config", message: expect.stringMatching(message) });
  await expect(failure).rejects.toThrow(`PANDAV_DRIVERS: ${specifier}`);
});

it("says that Node runs no TypeScript below node_modules", async () => {
  const folder = await folderWith({
    "node_modules/p/package.json": `{"name":"p","type":"module","exports":"./i.ts"}`,
    "node_modules/p/i.ts": `export const drivers: unknown[] = [];`,
  });
  // In a process of its own, because the test runner would strip the types.
  const script = `import { Registry } from ${JSON.stringify(pathToFileURL("drivers/registry.ts").href)};
    await new Registry().loadExternalDrivers(["p"], ${JSON.stringify(folder)}).catch((e) => console.log(e.kind, e.message));`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(stdout).toMatch(/^invalid-config PANDAV_DRIVERS: p: Node runs no TypeScript below node_modules/);
});
