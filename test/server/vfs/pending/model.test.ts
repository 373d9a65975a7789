/** Files that wait for their upload against a model in memory: what was accepted is shown until it is stored, and stored once, whatever is done to it meanwhile. */
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { forever } from "#test/support/vfs.ts";
import { openPendingWorld, type PendingWorld, type PendingWorldOptions } from "./world.ts";

/** Paths in `/s` to what is there: a text, or `null` for a directory. */
type Model = Map<string, string | null>;

type Command =
  | { readonly do: "put"; readonly path: string; readonly content: string }
  | { readonly do: "mkdir" | "remove"; readonly path: string }
  | { readonly do: "move" | "copy"; readonly from: string; readonly to: string }
  /** The storage: it is slow, or fails, or takes a file and does not say so. */
  | { readonly do: "hold" | "letGo" | "fail" | "lose" | "heal" | "wait" | "restart" };

const path = fc
  .array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 })
  .map((names) => `/s/${names.join("/")}`);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("put" as const), path, content: fc.constantFrom("", "1", "two", "3333") }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("mkdir" as const, "remove" as const), path }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("move" as const, "move" as const, "copy" as const),
      from: path,
      to: path,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom("hold", "letGo", "fail", "lose", "heal", "wait", "restart") }),
  } as { weight: number; arbitrary: fc.Arbitrary<Command> },
);

const KINDS: readonly (readonly [string, Partial<Traits>, NonNullable<PendingWorldOptions["storage"]>])[] = [
  ["stable ids", {}, "memory"],
  ["emulated replace and no digests", { replace: "emulated", hashes: [] }, "memory"],
  ["paths as ids", { cheapStat: false }, "folder"],
];

describe.each(KINDS)("files that wait, against a model, on a storage with %s", (_, traits, storage) => {
  it.each(["back", "auto"] as const)(
    "are shown from the answer on, and stored once: mode %s (decision 0021)",
    async (mode) => {
      await fc.assert(
        fc.asyncProperty(fc.array(command, { maxLength: 25 }), async (commands) => {
          const world = await openPendingWorld({ mode, replyWithinMs: 1000, traits, storage });
          try {
            await run(world, commands);
          } finally {
            await world.close();
          }
        }),
        { numRuns: Number(process.env.MODEL_RUNS ?? 8) },
      );
    },
    120_000,
  );
});

async function run(world: PendingWorld, commands: readonly Command[]): Promise<void> {
  const model: Model = new Map([["/s", null]]);
  for (const command of commands) {
    await perform(world, model, command);
    await expectShown(world, model);
  }
  Object.assign(world.upstream, { failure: undefined, lost: undefined });
  world.upstream.letGo();
  await turning(world, world.settled());
  const files = [...model].filter(([, content]) => content !== null);
  expect(world.stored()).toEqual(Object.fromEntries(files.map(([path, content]) => [path.slice(3), content])));
  await expectShown(world, model);
  await world.until(async () => (await world.spooled()).length === 0);
}

/** What takes longer than it may, on a clock that stands still only while the storage works on a real disk. */
async function turning<T>(world: PendingWorld, work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  while (!isOver) await (world.upstream.working > 0 ? setImmediate() : world.clock.advance(1000));
  return work;
}

async function perform(world: PendingWorld, model: Model, command: Command): Promise<void> {
  const { upstream, vfs } = world;
  switch (command.do) {
    case "hold":
      return upstream.hold();
    case "letGo":
      return upstream.letGo();
    case "fail":
      upstream.failure = new StorageError("unavailable", "the storage is away", { retryable: true });
      return;
    case "lose":
      upstream.lost = new StorageError("unavailable", "the reply was lost", { retryable: true });
      return;
    case "heal":
      Object.assign(upstream, { failure: undefined, lost: undefined });
      return;
    case "wait":
      return world.clock.advance(20_000);
    case "restart":
      return world.restart();
    case "put":
      if (model.get(command.path) === null || model.get(parentOf(command.path)) !== null) return;
      try {
        await turning(world, world.put(command.path, command.content));
      } catch (error) {
        // The storage said no before the answer: in doubt, the client puts it again.
        if (!(error instanceof StorageError)) throw error;
        Object.assign(upstream, { failure: undefined, lost: undefined });
        await turning(world, world.put(command.path, command.content));
      }
      model.set(command.path, command.content);
      return;
    case "mkdir":
      if (model.has(command.path) || model.get(parentOf(command.path)) !== null) return;
      await vfs.makeDirectory(command.path, forever);
      model.set(command.path, null);
      return;
    case "remove":
      if (!model.has(command.path)) return;
      await vfs.remove(command.path, forever);
      removeFrom(model, command.path);
      return;
    default:
      return transfer(world, model, command);
  }
}

async function transfer(world: PendingWorld, model: Model, { do: how, from, to }: Extract<Command, { from: string }>) {
  const isRelated = `${from}/`.startsWith(`${to}/`) || `${to}/`.startsWith(`${from}/`);
  if (isRelated || !model.has(from) || model.get(parentOf(to)) !== null) return;
  // A copy through this server is a write, which the storage may refuse before the answer.
  if (how === "copy") Object.assign(world.upstream, { failure: undefined, lost: undefined });
  await turning(world, world.vfs[how](from, to, { ...forever, conflict: "replace" }));
  removeFrom(model, to);
  for (const [path, content] of [...model]) {
    if (path === from || path.startsWith(`${from}/`)) model.set(`${to}${path.slice(from.length)}`, content);
  }
  if (how === "move") removeFrom(model, from);
}

async function expectShown(world: PendingWorld, model: Model): Promise<void> {
  const shown = new Map<string, string | null>([["/s", null]]);
  const walk = async (directory: string) => {
    for (const name of await world.names(directory)) {
      const path = `${directory}/${name.replace("*", "")}`;
      const { kind } = await world.vfs.stat(path, forever);
      shown.set(path, kind === "directory" ? null : await world.read(path));
      if (kind === "directory") await walk(path);
    }
  };
  await walk("/s");
  expect(Object.fromEntries([...shown].sort())).toEqual(Object.fromEntries([...model].sort()));
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function removeFrom(model: Model, path: string): void {
  for (const one of [...model.keys()]) if (one === path || one.startsWith(`${path}/`)) model.delete(one);
}
