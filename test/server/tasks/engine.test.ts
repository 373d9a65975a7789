import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ERROR_KINDS, StorageError } from "#drivers/contract/errors.ts";
import { BIT } from "#server/auth/permission-bits.ts";
import type { TaskEvent } from "#server/tasks/api.ts";
import { retryDelay, toFailure } from "#server/tasks/failure.ts";
import type { AnyKind, TaskRun } from "#server/tasks/kind.ts";
import { transferKind } from "#server/tasks/transfer/kinds.ts";
import { CalledOff } from "#server/vfs/called-off.ts";
import { openTaskWorld, type TaskWorldOptions } from "./world.ts";

/** A kind whose runs a test decides, by the name in their input. */
class Script {
  readonly begun: string[] = [];
  /** Runs that wait, by name. */
  readonly waiting = new Map<string, { end(): void; fail(error: unknown): void; readonly run: TaskRun }>();
  /** What the next runs fail with at once. */
  readonly failures: unknown[] = [];
  readonly kind: AnyKind = {
    name: "script",
    workers: 2,
    input: z.object({ name: z.string() }),
    describe: ({ name }: { name: string }) => ({ from: `/${name}` }),
    check: async ({ name }: { name: string }) => {
      if (name === "refused") throw new StorageError("permission-denied", "not that one");
    },
    run: async ({ name }: { name: string }, run: TaskRun) => {
      this.begun.push(name);
      const failure = this.failures.shift();
      if (failure !== undefined) throw failure;
      run.signal.throwIfAborted();
      await new Promise<void>((end, fail) => {
        this.waiting.set(name, { end, fail, run });
        run.signal.addEventListener("abort", () => fail(run.signal.reason), { once: true });
      });
    },
  };
}

async function open(more: Partial<TaskWorldOptions> = {}) {
  const script = new Script();
  const world = await openTaskWorld({ seeds: {}, kinds: [script.kind], ...more });
  const until = async (what: () => boolean) => {
    const deadline = Date.now() + 5_000;
    while (!what()) {
      if (Date.now() > deadline) throw new Error(`it did not come to that: ${script.begun}`);
      await setImmediate();
    }
  };
  return { script, world, until, add: (name: string) => world.add("script", { name }) };
}

const busy = (details = {}) => new StorageError("unavailable", "the service rests", details);

describe("the engine of tasks", () => {
  it("takes the workers of copies and moves from the settings", async () => {
    const { world } = await open();
    const [copy, move] = (["copy", "move"] as const).map((how) => transferKind(how, world.vfs, world.settings));
    expect([copy!.workers, move!.workers]).toEqual([5, 5]);
    await world.settings.set("copy_task_threads_num", 2);
    expect([copy!.workers, move!.workers]).toEqual([2, 5]);
  });

  it("tells one that is cancelled that it is for good, so that what it has begun is given up", async () => {
    const { script, world, until, add } = await open();
    const { id } = await add("a");
    await until(() => script.waiting.size === 1);
    const { signal } = script.waiting.get("a")!.run;
    await world.tasks.cancel(id);
    await world.until(id, "cancelled");
    expect(signal.reason).toBeInstanceOf(CalledOff);
  });

  it("runs as many of a kind at once as it has workers, in the order of asking", async () => {
    const { script, world, until, add } = await open();
    const ids = [];
    for (const name of ["a", "b", "c"]) ids.push((await add(name)).id);
    await until(() => script.waiting.size === 2);
    expect(script.begun).toEqual(["a", "b"]);
    expect((await world.tasks.get(ids[2]!))?.state).toBe("waiting");
    script.waiting.get("a")!.end();
    await until(() => script.begun.length === 3);
    expect((await world.until(ids[0]!, "succeeded")).endedAt).toBe(world.clock.now());
  });

  it("begins more at once when its kind takes more, without a restart (alist-api.md §15)", async () => {
    let workers = 1;
    const { script, world, until, add } = await open();
    Object.defineProperty(script.kind, "workers", { get: () => workers });
    for (const name of ["a", "b"]) await add(name);
    await until(() => script.waiting.size === 1);
    workers = 2;
    await world.clock.advance(3_000);
    await until(() => script.waiting.size === 2);
  });

  it("refuses what its kind refuses, an input that is none, and kinds that nobody knows, and keeps nothing of them", async () => {
    const { world } = await open();
    await expect(world.add("script", { name: "refused" })).rejects.toMatchObject({ kind: "permission-denied" });
    await expect(world.add("script", { nam: "a" })).rejects.toMatchObject({ kind: "invalid-config" });
    await expect(world.add("none", {})).rejects.toMatchObject({ kind: "invalid-config" });
    expect(await world.tasks.list({})).toEqual([]);
  });

  it("tries again by itself, each time later, and gives up after ten tries that came no further", async () => {
    const { script, world, add } = await open();
    script.failures.push(...Array.from({ length: 10 }, () => busy()));
    const { id } = await add("a");
    const delays: number[] = [];
    for (let tries = 1; tries < 10; tries++) {
      const { nextAt, error } = await world.until(id, "retrying");
      expect(error).toEqual({ message: "the service rests", kind: "unavailable", class: "retryable" });
      delays.push((nextAt ?? 0) - world.clock.now());
      await world.clock.advance(delays.at(-1)! - 1);
      expect(script.begun).toHaveLength(tries);
      await world.clock.advance(1);
    }
    expect(delays).toEqual([10, 30, 90, 270, 810, 1800, 1800, 1800, 1800].map((seconds) => seconds * 1000));
    expect(await world.until(id, "failed")).toMatchObject({ tries: 10, error: { class: "retryable" } });
    script.failures.length = 0;
    await world.tasks.retry(id);
    expect(await world.until(id, "running")).toMatchObject({ tries: 0 });
  });

  it("counts from one again after a run that came further", async () => {
    const { script, world, until, add } = await open();
    script.failures.push(busy(), busy());
    const { id } = await add("a");
    await world.until(id, "retrying");
    await world.clock.advance(10_000);
    await until(() => script.begun.length === 2);
    await world.until(id, "retrying");
    await world.clock.advance(30_000);
    await until(() => script.waiting.size === 1);
    const { run, fail } = script.waiting.get("a")!;
    run.cameFurther();
    fail(busy());
    expect((await world.until(id, "retrying")).tries).toBe(1);
  });

  it("waits as long as the service asks for", async () => {
    const { script, world, add } = await open();
    script.failures.push(busy({ retryAfterMs: 60_000 }));
    const { id } = await add("a");
    expect((await world.until(id, "retrying")).nextAt).toBe(world.clock.now() + 60_000);
  });

  it("waits for a login, without end, and goes on as soon as it hears of one", async () => {
    const { script, world, until, add } = await open();
    const over = () => new StorageError("unauthenticated", "log in again", { reason: "expired" });
    script.failures.push(...Array.from({ length: 12 }, over));
    const { id } = await add("a");
    for (let tries = 1; tries < 12; tries++) {
      await until(() => script.begun.length === tries);
      expect((await world.until(id, "retrying")).error?.class).toBe("needs-login");
      await world.clock.advance(10 * 60_000);
    }
    await until(() => script.begun.length === 12);
    await world.until(id, "retrying");
    world.tasks.wakeLogins();
    await until(() => script.begun.length === 13);
  });

  it("ends failed where only a person can help, and says nothing of a bug", async () => {
    const { script, world, add } = await open();
    script.failures.push(new StorageError("quota-exceeded", "no room"), new TypeError("x is not a function"));
    const [first, second] = [await add("a"), await add("b")];
    expect((await world.until(first.id, "failed")).error).toMatchObject({ message: "no room", class: "permanent" });
    const { error } = await world.until(second.id, "failed");
    expect(error).toEqual({ message: "internal error (see the log)", class: "permanent" });
  });

  it("stops what is cancelled, waiting or running, and runs it again when asked", async () => {
    const { script, world, until, add } = await open();
    const [a, , c] = [await add("a"), await add("b"), await add("c")];
    await until(() => script.waiting.size === 2);
    await world.tasks.cancel(c.id);
    expect((await world.tasks.get(c.id))?.state).toBe("cancelled");
    await world.tasks.cancel(a.id);
    await world.until(a.id, "cancelled");
    expect(script.begun).toEqual(["a", "b"]);
    await world.tasks.retry(c.id);
    await until(() => script.waiting.has("c"));
    script.waiting.get("c")!.end();
    await world.until(c.id, "succeeded");
    await world.tasks.cancel(c.id);
    expect((await world.tasks.get(c.id))?.state).toBe("succeeded");
  });

  it("forgets what is removed, and stops it before", async () => {
    const { script, world, until, add } = await open();
    const { id } = await add("a");
    await until(() => script.waiting.size === 1);
    const { signal } = script.waiting.get("a")!.run;
    await world.tasks.remove(id);
    expect(await world.tasks.get(id)).toBeUndefined();
    expect(await world.tasks.list({})).toEqual([]);
    expect(signal.aborted).toBe(true);
    const rows = () => world.store.db.selectFrom("task").select("id").execute();
    while ((await rows()).length > 0) await setImmediate();
  });

  it("goes on after a restart with what ran, what waited and what is to be tried again", async () => {
    const { script, world, until, add } = await open();
    script.failures.push(busy());
    const [retrying, running, other, waiting] = [await add("r"), await add("a"), await add("b"), await add("c")];
    await world.until(retrying.id, "retrying");
    await until(() => script.waiting.size === 2);
    const before = script.begun.length;
    await world.restart();
    await until(() => script.begun.length === before + 2);
    expect(script.begun.slice(before)).toEqual(["a", "b"]);
    expect(await world.tasks.list({ ended: false })).toMatchObject([
      { id: retrying.id, state: "retrying", tries: 1, error: { message: "the service rests" } },
      { id: running.id, state: "running" },
      { id: other.id, state: "running" },
      { id: waiting.id, state: "waiting" },
    ]);
  });

  it("has cancelled after a restart what was about to be, and runs nothing before it is started", async () => {
    const { script, world, add } = await open({ start: false });
    const [a, b] = [await add("a"), await add("b")];
    await world.store.db.updateTable("task").set({ state: "cancelling" }).where("id", "=", a.id).execute();
    await world.restart();
    expect(await world.tasks.get(a.id)).toMatchObject({ state: "cancelled" });
    expect(await world.tasks.get(b.id)).toMatchObject({ state: "waiting" });
    expect([world.tasks.runs, script.begun]).toEqual([false, []]);
    world.tasks.start();
    await world.until(b.id, "running");
  });

  it("does nothing for a user who is gone, disabled, or sees another folder than when he asked", async () => {
    const { world } = await open({ start: false });
    const asked = [];
    for (const name of ["gone", "disabled", "moved"]) {
      const user = await world.user(name, BIT.copy, "/home");
      asked.push((await world.add("script", { name }, user)).id);
      const input = { name, basePath: "/home", permission: BIT.copy, disabled: false };
      if (name === "gone") await world.auth.users.remove(user.id);
      else if (name === "disabled") await world.auth.users.update(user.id, { ...input, disabled: true });
      else await world.auth.users.update(user.id, { ...input, basePath: "/other" });
    }
    world.tasks.start();
    for (const id of asked) {
      expect((await world.until(id, "failed")).error).toMatchObject({ kind: "permission-denied", class: "permanent" });
    }
  });

  it("runs with what the user may do now and was allowed then, never with more", async () => {
    const { script, world, until } = await open({ start: false });
    const user = await world.user("ann", BIT.copy | BIT.move | BIT.delete);
    await world.add("script", { name: "a" }, { ...user, permission: BIT.copy | BIT.move, basePath: "/home" });
    const input = { name: "ann", basePath: "/", permission: BIT.move | BIT.delete | BIT.write, disabled: false };
    await world.auth.users.update(user.id, input);
    world.tasks.start();
    await until(() => script.waiting.size === 1);
    expect(script.waiting.get("a")!.run.rights.user).toMatchObject({
      permission: BIT.move,
      basePath: "/home",
      role: "general",
    });
  });

  it("tells those who listen of every state, of progress now and then with its speed, and of what is forgotten", async () => {
    const { script, world, until, add } = await open();
    const events: TaskEvent[] = [];
    const unsubscribe = world.tasks.subscribe((event) => events.push(event));
    const { id } = await add("a");
    await until(() => script.waiting.size === 1);
    const { run, end } = script.waiting.get("a")!;
    const totals = { files: 1, filesDone: 0, filesSkipped: 0, filesFailed: 0, directories: 0, bytes: 10_000 };
    run.progress({ ...totals, bytesDone: 0 });
    for (let bytesDone = 1_000; bytesDone <= 4_000; bytesDone += 1_000) {
      await world.clock.advance(1_000);
      for (let i = 0; i < 5; i++) run.progress({ ...totals, bytesDone });
    }
    expect(events.at(-1)?.task).toMatchObject({ bytesPerSecond: 1_000, etaMs: 6_000, totals: { bytesDone: 4_000 } });
    end();
    await world.until(id, "succeeded");
    await world.tasks.remove(id);
    expect(events.map((event) => event.task?.state ?? "removed")).toEqual([
      "waiting",
      ...Array.from({ length: 5 }, () => "running"),
      "succeeded",
      "removed",
    ]);
    unsubscribe();
    await add("b");
    expect(events).toHaveLength(8);
  });
});

describe("what a failure means", () => {
  it("is decided for every kind, and by the error itself where it says that another try helps", () => {
    const classes = ERROR_KINDS.map((kind) => [kind, toFailure(new StorageError(kind, "x")).class]);
    expect(Object.fromEntries(classes)).toMatchObject({
      unauthenticated: "needs-login",
      "rate-limited": "retryable",
      timeout: "retryable",
      "quota-exceeded": "permanent",
      "not-found": "permanent",
      "permission-denied": "permanent",
    });
    expect(toFailure(new StorageError("not-found", "x", { retryable: true })).class).toBe("retryable");
  });

  it("keeps no secret of an address, and one line of bounded length", () => {
    const { message } = toFailure(
      new StorageError("upstream", `got 500 of https://a.example/x?sign=s3cret\n${"y".repeat(999)}`),
    );
    expect(message).not.toMatch(/s3cret|\n/);
    expect(message.length).toBeLessThanOrEqual(500);
  });

  it("spreads the next tries by a tenth", () => {
    const failure = toFailure(busy());
    expect([retryDelay(failure, 1, 0), retryDelay(failure, 1, 1)]).toEqual([9_000, 11_000]);
  });
});
