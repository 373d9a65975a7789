/** The crawler: lists each directory once, goes on where it was, and takes no failure for an empty directory. */
import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions, Entry, Mount } from "#drivers/contract/mount.ts";
import { type CrawlParts, crawlKind } from "#server/tasks/crawl/crawl-kind.ts";
import { createCrawler } from "#server/tasks/crawl/crawler.ts";
import { type CrawlRules, isCrawled, openCrawlRules } from "#server/tasks/crawl/rules.ts";
import type { AnyKind } from "#server/tasks/kind.ts";
import { forever, silentLog } from "#test/support/vfs.ts";
import { changed, openTaskWorld, type TaskWorld } from "./world.ts";

const SEED = {
  a: { "1.txt": "", deep: { deeper: { "x.txt": "" } } },
  b: { "2.txt": "" },
  c: { "3.txt": "", d: { "4.txt": "" } },
  "top.txt": "",
};

interface Crawled {
  readonly world: TaskWorld;
  readonly rules: CrawlRules;
  readonly crawler: ReturnType<typeof createCrawler>;
  /** Names of the directories whose listing was asked of the storage, with the priority. */
  readonly asked: { readonly name: string; readonly priority: CallOptions["priority"] }[];
  /** What listing a directory of that name throws, while it is set. */
  readonly failing: Map<string, StorageError>;
  names(path: string): Promise<number>;
}

async function openCrawled(more: Partial<Pick<CrawlParts, "usualDepth" | "isIgnored">> = {}): Promise<Crawled> {
  const asked: Crawled["asked"] = [];
  const failing: Crawled["failing"] = new Map();
  const watched = (mount: Mount): Partial<Mount> => ({
    async *list(directory: Entry, o: CallOptions) {
      asked.push({ name: directory.name, priority: o.priority });
      const failure = failing.get(directory.name);
      if (failure) throw failure;
      yield* mount.list(directory, o);
    },
  });
  // The kinds are made before the world that they work in.
  let world: TaskWorld;
  let rules: CrawlRules;
  const later = <T extends object>(get: () => T): T =>
    new Proxy({} as T, {
      get: (_, key) => {
        const value: unknown = Reflect.get(get(), key, get());
        return typeof value === "function" ? (value.bind(get()) as unknown) : value;
      },
    });
  const kind = crawlKind({
    vfs: later(() => world.vfs),
    rules: later(() => rules),
    clock: later(() => world.clock),
    usualDepth: () => 20,
    isIgnored: () => false,
    ...more,
  }) as AnyKind;
  world = await openTaskWorld({
    seeds: { one: SEED, two: { e: { "5.txt": "" } } },
    wrap: (driver) => changed(driver, watched),
    kinds: [kind],
    start: false,
  });
  rules = await openCrawlRules(world.store);
  world.tasks.start();
  const crawler = createCrawler({
    tasks: later(() => world.tasks),
    vfs: later(() => world.vfs),
    rules: later(() => rules),
    users: later(() => world.auth.users),
    clock: later(() => world.clock),
    log: silentLog,
  });
  for (const path of ["/one", "/two"])
    await rules.set(world.vfs.storages.at(path)!.id, { rate: 60_000, include: [], exclude: [] });
  asked.length = 0;
  const names = async (path: string) => (await world.vfs.list(path, forever)).entries?.length ?? 0;
  return { world, rules, crawler, asked, failing, names };
}

/** Turns the clock until the task is so. */
async function until(world: TaskWorld, id: string, ...states: Parameters<TaskWorld["until"]>[1][]): Promise<void> {
  const done = world.until(id, ...states);
  let isOver = false;
  const over = done.then(
    () => (isOver = true),
    () => (isOver = true),
  );
  while (!isOver) {
    world.clock.advance(10);
    await Promise.race([over, new Promise((resolve) => setImmediate(resolve))]);
  }
  await done;
}

describe("a crawl", () => {
  it("lists every directory of every storage below a path once, behind what people ask for, and tells how far it is", async () => {
    const { world, crawler, asked } = await openCrawled();
    const tasks = await crawler.begin(["/"], world.admin, {});
    expect(tasks.map(({ kind, subject }) => [kind, subject.from]).sort()).toEqual([
      ["index", "/one"],
      ["index", "/two"],
    ]);
    for (const { id } of tasks) await until(world, id, "succeeded");
    const names = asked.map(({ name }) => name).sort();
    expect(names).toEqual(["", "", "a", "b", "c", "d", "deep", "deeper", "e"]);
    expect(new Set(asked.map(({ priority }) => priority))).toEqual(new Set(["background"]));
    const one = await world.tasks.get(tasks.find(({ subject }) => subject.from === "/one")!.id);
    expect(one?.totals).toMatchObject({ directories: 7, files: 12 });
    expect(await crawler.progress()).toMatchObject({ isRunning: false, doneAt: expect.any(Number) });
    // What is known and fresh is asked for no more; `anew` asks for all of it once.
    asked.length = 0;
    for (const { id } of await crawler.begin(["/"], world.admin, {})) await until(world, id, "succeeded");
    expect(asked).toEqual([]);
    for (const { id } of await crawler.begin(["/one/c"], world.admin, { anew: true }))
      await until(world, id, "succeeded");
    expect(asked.map(({ name }) => name)).toEqual(["c", "d"]);
  });

  it("goes no deeper than it may, and leaves out what rules and settings name", async () => {
    const { world, rules, crawler, asked } = await openCrawled({ isIgnored: (path) => path === "/one/b" });
    const { id: storageId } = world.vfs.storages.at("/one")!;
    await rules.set(storageId, { rate: 60_000, include: [], exclude: ["/c/**"] });
    for (const { id } of await crawler.begin(["/one"], world.admin, { maxDepth: 2 }))
      await until(world, id, "succeeded");
    expect(asked.map(({ name }) => name)).toEqual(["", "a", "deep"]);
  });

  it("keeps to the rate of the storage: so many listings a minute", async () => {
    const { world, rules, crawler, asked } = await openCrawled();
    await rules.set(world.vfs.storages.at("/one")!.id, { rate: 6, include: [], exclude: [] });
    const [task] = await crawler.begin(["/one"], world.admin, {});
    const begun = world.clock.now();
    await until(world, task!.id, "succeeded");
    expect(asked).toHaveLength(7);
    expect(world.clock.now() - begun).toBeGreaterThanOrEqual(60_000);
    expect(world.clock.now() - begun).toBeLessThan(70_000);
  });

  it("goes on after a restart with the directories that were not listed yet", async () => {
    const { world, rules, crawler, asked } = await openCrawled();
    await rules.set(world.vfs.storages.at("/one")!.id, { rate: 6, include: [], exclude: [] });
    const [task] = await crawler.begin(["/one"], world.admin, {});
    while (asked.length < 4) {
      world.clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await world.restart();
    world.tasks.start();
    await until(world, task!.id, "succeeded");
    const names = asked.map(({ name }) => name).sort();
    // The one that was on its way may be asked for once more.
    expect(new Set(names)).toEqual(new Set(["", "a", "b", "c", "d", "deep", "deeper"]));
    expect(names.length).toBeLessThanOrEqual(8);
  });

  it("notes a directory that fails, lists the others, and tries it again later: it is never taken for empty", async () => {
    const { world, crawler, asked, failing, names } = await openCrawled();
    failing.set("a", new StorageError("upstream", "the service stumbles"));
    const [task] = await crawler.begin(["/one"], world.admin, {});
    await until(world, task!.id, "retrying");
    expect(asked.map(({ name }) => name)).toEqual(expect.arrayContaining(["b", "c", "d"]));
    expect((await world.tasks.get(task!.id))?.error?.message).toMatch(
      /1 of 5 directories.*\/one\/a: the service stumbles/,
    );
    expect(await crawler.progress()).toMatchObject({ isRunning: false, error: expect.stringContaining("stumbles") });
    failing.clear();
    await until(world, task!.id, "succeeded");
    expect(asked.map(({ name }) => name)).toEqual(expect.arrayContaining(["deep", "deeper"]));
    expect(await names("/one/a")).toBe(2);
  });

  it("ends failed with what no waiting helps, when all else is listed", async () => {
    const { world, crawler, asked, failing } = await openCrawled();
    failing.set("b", new StorageError("permission-denied", "not yours"));
    const [task] = await crawler.begin(["/one"], world.admin, {});
    await until(world, task!.id, "failed");
    expect(new Set(asked.map(({ name }) => name)).size).toBe(7);
    expect(await world.tasks.failedItems(task!.id, 10)).toEqual([
      { path: "/one/b", message: "not yours", kind: "permission-denied" },
    ]);
  });

  it("stops at once where the service says that it is asked too much, and goes on later", async () => {
    const { world, crawler, asked, failing } = await openCrawled();
    failing.set("a", new StorageError("rate-limited", "slower", { retryAfterMs: 60_000 }));
    const [task] = await crawler.begin(["/one"], world.admin, {});
    await until(world, task!.id, "retrying");
    expect(asked.map(({ name }) => name).filter((name) => name !== "a")).toEqual([""]);
    failing.clear();
    await until(world, task!.id, "succeeded");
  });

  it("is stopped and gone on with, and one that runs already is not begun twice", async () => {
    const { world, rules, crawler, asked } = await openCrawled();
    await rules.set(world.vfs.storages.at("/one")!.id, { rate: 1, include: [], exclude: [] });
    const [task] = await crawler.begin(["/one"], world.admin, {});
    while (asked.length < 1) await new Promise((resolve) => setImmediate(resolve));
    expect(await crawler.begin(["/one"], world.admin, {})).toEqual([]);
    expect(await crawler.stop()).toBe(1);
    await until(world, task!.id, "cancelled");
    expect((await crawler.progress()).isRunning).toBe(false);
    expect(await crawler.resume()).toBe(1);
    await until(world, task!.id, "succeeded");
    expect(asked.filter(({ name }) => name === "")).toHaveLength(1);
  });

  it("is for administrators alone", async () => {
    const { world, crawler } = await openCrawled();
    const bob = await world.user("bob", 0xffff);
    await expect(crawler.begin(["/one"], bob, {})).rejects.toThrow("not an admin");
  });

  it("begins by itself as often as the storage's rule says, and by no rule not at all", async () => {
    const { world, rules, crawler, asked } = await openCrawled();
    const hour = 3_600_000;
    await rules.set(world.vfs.storages.at("/two")!.id, { intervalMs: hour, rate: 60_000, include: [], exclude: [] });
    crawler.start();
    const ended = async (count: number) => {
      for (;;) {
        const tasks = await world.tasks.list({ kind: "index" });
        if (asked.length === count && tasks.length === 1 && tasks[0]?.state === "succeeded") return;
        world.clock.advance(1000);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await ended(2);
    expect(asked.map(({ name }) => name)).toEqual(["", "e"]);
    await ended(4);
    expect((await world.tasks.list({ kind: "index" })).map(({ subject }) => subject.from)).toEqual(["/two"]);
  });
});

describe("the rule of a storage", () => {
  it.each([
    [{ include: ["/Movies/**"] }, "/", true],
    [{ include: ["/Movies/**"] }, "/Movies", true],
    [{ include: ["/Movies/**"] }, "/Movies/a/b", true],
    [{ include: ["/Movies/**"] }, "/Music", false],
    [{ include: ["/a/b/*"] }, "/a", true],
    [{ include: ["/a/b/*"] }, "/a/c", false],
    [{ include: ["/**/films"] }, "/x/y", true],
    [{ exclude: ["/Movies/old/**"] }, "/Movies/old", false],
    [{ exclude: ["/Movies/old/**"] }, "/Movies/older", true],
    [{ include: ["/Movies/**"], exclude: ["/Movies/x"] }, "/Movies/x", false],
  ])("%j means %s: %s", (rule, path, is) => {
    expect(isCrawled({ include: [], exclude: [], ...rule }, path)).toBe(is);
  });
});
