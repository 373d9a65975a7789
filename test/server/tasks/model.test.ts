import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import type { Task } from "#server/tasks/api.ts";
import { changed, openTaskWorld, type TaskWorld } from "./world.ts";

/** Files by path. */
type Files = Readonly<Record<string, string>>;

const files: fc.Arbitrary<Files> = fc.dictionary(
  fc.constantFrom("a", "b", "d/a", "d/b", "d/e/a", "e/a"),
  fc.constantFrom("", "x", "yy", "zz"),
  { maxKeys: 6 },
);

const HOOKED = ["upload", "list", "remove", "createDirectory"] as const;

/** What happens at the nth call to one of the storages: it fails before or after it did its work, or the server stops. */
const event = fc.record({
  at: fc.integer({ min: 1, max: 40 }),
  what: fc.constantFrom("before", "after", "restart"),
  kind: fc.constantFrom("timeout", "unavailable", "incomplete", "upstream", "locked"),
});

const run = fc.record({
  how: fc.constantFrom("copy", "move"),
  conflict: fc.constantFrom("fail", "replace", "skip"),
  source: files,
  target: fc.option(files, { nil: undefined }),
  events: fc.uniqueArray(event, { maxLength: 6, selector: ({ at }) => at }),
});
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never;

/** What must be there in the end, said in the simplest way. */
function expected({ how, conflict, source, target }: Run): {
  source: Files | undefined;
  target: Files | undefined;
  fails: boolean;
} {
  if (target && conflict === "fail") return { source, target, fails: true };
  const after: Record<string, string> = { ...target };
  const left: Record<string, string> = {};
  for (const [path, content] of Object.entries(source)) {
    if (target?.[path] === undefined || conflict === "replace") after[path] = content;
    else if (target[path] !== content) left[path] = content;
  }
  const isGone = how === "move" && Object.keys(left).length === 0;
  return { source: how === "copy" ? source : isGone ? undefined : left, target: after, fails: false };
}

/** The last folder of a move was removed, and the answer said that it was not: it must not stay in sight. */
const REMOVED_AFTER_ALL: Run = {
  how: "move",
  conflict: "replace",
  source: { a: "", "d/a": "", "e/a": "" },
  target: {},
  events: [
    { at: 1, what: "before", kind: "timeout" },
    { at: 29, what: "after", kind: "locked" },
  ],
};

describe("a copy or move between storages (fuzzed)", () => {
  it("ends with exactly what it should, whatever fails and however often the server stops on the way, and no content is ever nowhere", async () => {
    await fc.assert(fc.asyncProperty(run, check), { numRuns: 15, examples: [[REMOVED_AFTER_ALL]] });
  }, 60_000);
});

async function check(asked: Run): Promise<void> {
  const { how, conflict, source, target, events } = asked;
  let calls = 0;
  let stop = () => {};
  let isArmed = false;
  const hook = async <T>(work: () => Promise<T>): Promise<T> => {
    if (!isArmed) return work();
    calls += 1;
    const now = events.find(({ at }) => at === calls);
    if (now?.what === "restart") stop();
    if (now?.what === "before") throw new StorageError(now.kind as "timeout", "as the test wants");
    const result = await work();
    if (now?.what === "after") throw new StorageError(now.kind as "timeout", "after it was done");
    return result;
  };
  const world = await openTaskWorld({
    seeds: { from: { s: toSeed(source) }, to: target ? { t: toSeed(target) } : {} },
    wrap: (driver) =>
      changed(driver, (mount) => {
        const hooked: Record<string, unknown> = {};
        for (const name of HOOKED) {
          const method = mount[name] as (...args: unknown[]) => Promise<unknown>;
          hooked[name] = (...args: unknown[]) => hook(() => method(...args));
        }
        hooked.list = async function* (...args: Parameters<Mount["list"]>) {
          yield* await hook(async () => mount.list(...args));
        };
        return hooked as Partial<Mount>;
      }),
  });
  const { id } = await world.add(how, { from: "/from/s", to: "/to/t", conflict });
  isArmed = true;
  const task = await toTheEnd(world, id, (listener) => {
    stop = listener;
  });
  isArmed = false;
  const end = expected(asked);
  expect(task).toMatchObject({ state: end.fails ? "failed" : "succeeded" });
  expect(await filesOf(world, "/from", "s")).toEqual(end.source);
  expect(await filesOf(world, "/to", "t")).toEqual(end.target);
}

/** Turns the clock for every next try, and stops the server when it is told to. */
async function toTheEnd(world: TaskWorld, id: string, onStop: (stop: () => void) => void): Promise<Task> {
  for (let rounds = 0; rounds < 100; rounds++) {
    const stopped = new Promise<"stop">((resolve) => onStop(() => resolve("stop")));
    const task = await Promise.race([stopped, world.until(id, "retrying", "succeeded", "failed")]);
    if (task === "stop") await world.restart();
    else if (task.state === "retrying") await world.clock.advance(30 * 60_000 * 1.1);
    else return task;
  }
  throw new Error("it never ends");
}

function toSeed(all: Files): Record<string, never> {
  const seed: Record<string, unknown> = {};
  for (const [path, content] of Object.entries(all)) {
    const names = path.split("/");
    const name = names.pop()!;
    let at = seed;
    for (const directory of names) {
      at[directory] ??= {};
      at = at[directory] as Record<string, unknown>;
    }
    at[name] = content;
  }
  return seed as Record<string, never>;
}

/** The files below a directory; undefined where it is not there. */
async function filesOf(world: TaskWorld, mount: string, name: string): Promise<Files | undefined> {
  const all = await world.tree(mount);
  if (!(`${name}/` in all)) return undefined;
  const inside = Object.entries(all).filter(([path]) => path.startsWith(`${name}/`) && !path.endsWith("/"));
  return Object.fromEntries(inside.map(([path, content]) => [path.slice(name.length + 1), content]));
}
