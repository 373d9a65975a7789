/** Properties of the vfs against a small model in memory: what it shows is what was done, whatever fails in between. */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnyDriver } from "#drivers/contract/driver.ts";
import { kindOf } from "#drivers/contract/errors.ts";
import { isWithin, joinPath, nameOf, parentOf } from "#drivers/contract/path.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { MemoryStore } from "#drivers/memory/store.ts";
import type { Vfs } from "#server/vfs/api.ts";
import { type Chaos, createChaos } from "#test/faults/chaos.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

/** Paths inside the mount to what is there: a text, or `null` for a directory. */
type Model = Map<string, string | null>;

type Command =
  | { readonly do: "put"; readonly path: string; readonly content: string }
  | { readonly do: "mkdir" | "remove" | "look"; readonly path: string }
  | { readonly do: "move" | "copy"; readonly from: string; readonly to: string; readonly overwrite: boolean }
  | { readonly do: "restart" };

const path = fc
  .array(fc.constantFrom("a", "b", "名 字", "e\u0301"), { minLength: 1, maxLength: 3 })
  .map((names) => `/m/${names.map((name) => name.normalize("NFC")).join("/")}`);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("put" as const), path, content: fc.string({ maxLength: 20 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom("mkdir" as const, "remove" as const, "look" as const), path }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("move" as const, "copy" as const),
      from: path,
      to: path,
      overwrite: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
);

describe("vfs against a model", () => {
  it("shows exactly what succeeded, also after restarts (architecture.md §5)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 25 }), (commands) => run(commands, createChaos())),
      { numRuns: 25 },
    );
  }, 120_000);

  it("takes no failure for a success, an absence or an emptiness (architecture.md §1)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 20 }), fc.integer(), (commands, seed) =>
        run(commands, createChaos({ random: { seed, rate: 0.2 } })),
      ),
      { numRuns: 25 },
    );
  }, 120_000);
});

async function run(commands: readonly Command[], chaos: Chaos): Promise<void> {
  const store = new MemoryStore();
  const plain = createMemoryDriver({ store });
  const drivers: AnyDriver[] = [
    { ...plain, open: async (settings, env, o) => chaos.layer(await plain.open(settings, env, o)) },
  ];
  const model: Model = new Map([["/m", null]]);
  let test: TestVfs = await openTestVfs({ drivers });
  try {
    for (let tries = 0; test.vfs.storages.list().length === 0 && tries < 50; tries++) {
      await test.mount({ mountPath: "/m", driver: "memory", settings: {} }).catch(() => {});
    }
    for (const command of commands) {
      if (command.do === "restart") test = await test.restart();
      else await attempt(test.vfs, model, command);
    }
    chaos.heal();
    await compareAll(test.vfs, model);
    // And the storage itself holds the same: nothing is shown that is not stored.
    for (const [path, content] of model) {
      if (content !== null) expect(storedText(store, path)).toBe(content);
    }
  } finally {
    await test.dispose();
  }
}

/** Does it to both; what the vfs refuses because of the command must be refused by the model too, and what failed changes nothing. */
async function attempt(vfs: Vfs, model: Model, command: Exclude<Command, { do: "restart" }>): Promise<void> {
  const expected = expectationOf(model, command);
  try {
    await perform(vfs, model, command);
    expect(expected, JSON.stringify(command)).toBe("ok");
    applyTo(model, command);
  } catch (error) {
    const kind = kindOf(error);
    if (!kind) throw error;
    if (kind === "unavailable") return; // the injected fault: nothing has changed
    expect(kind, JSON.stringify(command)).toBe(expected);
  }
}

async function perform(vfs: Vfs, model: Model, command: Exclude<Command, { do: "restart" }>): Promise<void> {
  switch (command.do) {
    case "put": {
      const body = Buffer.from(command.content);
      await vfs.write(command.path, { stream: Readable.from([body]), size: body.length }, forever);
      return;
    }
    case "mkdir":
      await vfs.makeDirectory(command.path, forever);
      return;
    case "remove":
      return vfs.remove(command.path, forever);
    case "look":
      return look(vfs, model, command.path);
    default:
      await vfs[command.do](command.from, command.to, { ...forever, conflict: command.overwrite ? "replace" : "fail" });
  }
}

async function look(vfs: Vfs, model: Model, path: string): Promise<void> {
  const resource = await vfs.stat(path, forever);
  const content = model.get(path);
  expect(resource.kind).toBe(content === null ? "directory" : "file");
  if (content === null) expect(await namesIn(vfs, path)).toEqual(childrenOf(model, path));
  else expect(await text(await (await vfs.open(path, forever)).read())).toBe(content);
}

function expectationOf(model: Model, command: Exclude<Command, { do: "restart" }>): string {
  switch (command.do) {
    case "put":
      if (model.get(command.path) === null) return "is-a-directory";
      return parentProblem(model, command.path) ?? "ok";
    case "mkdir":
      if (model.has(command.path)) return "already-exists";
      return parentProblem(model, command.path) ?? "ok";
    case "remove":
    case "look":
      return model.has(command.path) ? "ok" : (parentProblem(model, command.path) ?? "not-found");
    default: {
      if (!model.has(command.from)) return parentProblem(model, command.from) ?? "not-found";
      if (isWithin(command.to, command.from) || isWithin(command.from, command.to)) return "permission-denied";
      const problem = parentProblem(model, command.to);
      if (problem) return problem;
      return model.has(command.to) && !command.overwrite ? "precondition-failed" : "ok";
    }
  }
}

function parentProblem(model: Model, path: string): string | undefined {
  const parent = parentOf(path);
  if (model.get(parent) === null) return undefined;
  if (typeof model.get(parent) === "string") return "not-a-directory";
  return parent === "/" ? "not-found" : (parentProblem(model, parent) ?? "not-found");
}

function applyTo(model: Model, command: Exclude<Command, { do: "restart" }>): void {
  if (command.do === "put") model.set(command.path, command.content);
  if (command.do === "mkdir") model.set(command.path, null);
  if (command.do === "remove") drop(model, command.path);
  if (command.do === "move" || command.do === "copy") {
    const taken = [...model].filter(([path]) => isWithin(path, command.from));
    drop(model, command.to);
    if (command.do === "move") drop(model, command.from);
    for (const [path, content] of taken) model.set(command.to + path.slice(command.from.length), content);
  }
}

function drop(model: Model, path: string): void {
  for (const key of [...model.keys()]) if (isWithin(key, path)) model.delete(key);
}

function childrenOf(model: Model, path: string): readonly string[] {
  return [...model.keys()]
    .filter((key) => key !== "/m" && parentOf(key) === path)
    .map(nameOf)
    .sort();
}

async function namesIn(vfs: Vfs, path: string): Promise<readonly string[]> {
  const listing = await vfs.list(path, forever);
  const names: string[] = [];
  for await (const page of listing.pages()) names.push(...page.map((entry) => entry.name));
  expect(listing.entries?.map((entry) => entry.name)).toEqual(names);
  return names.sort();
}

async function compareAll(vfs: Vfs, model: Model): Promise<void> {
  const shown: Model = new Map();
  const walk = async (path: string): Promise<void> => {
    shown.set(path, null);
    for (const entry of (await vfs.list(path, forever)).entries ?? []) {
      const child = joinPath(path, entry.name);
      expect(entry.path).toBe(child);
      if (entry.kind === "directory") await walk(child);
      else shown.set(child, await text(await (await vfs.open(child, forever)).read()));
    }
  };
  await walk("/m");
  expect(new Map([...shown].sort())).toEqual(new Map([...model].sort()));
}

function storedText(store: MemoryStore, path: string): string | undefined {
  let node = store.root;
  for (const name of path.split("/").slice(2)) {
    const child = [...node.children].find((one) => one.name === name);
    if (!child) return undefined;
    node = child;
  }
  return node.content.toString();
}
