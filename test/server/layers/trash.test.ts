import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Mount, Trash } from "#drivers/contract/mount.ts";
import { check } from "#server/layers/check.ts";
import { type Observation, observe } from "#server/layers/observe.ts";
import { retry } from "#server/layers/retry.ts";
import { singleFlight } from "#server/layers/single-flight.ts";
import { LIMITS, timeout } from "#server/layers/timeout.ts";
import { FakeClock } from "./fake-clock.ts";
import { call, FILE, hanging, mountOf, pagesOf, ROOT, TRAITS } from "./sample-mount.ts";

const DOWN = new StorageError("unavailable", "down", { retryable: true });

/** A mount whose bin does what `parts` say. */
function withBin(parts: Partial<Trash>): Mount {
  const trash: Trash = {
    async *list() {},
    restore: async (ids) => ids.map(() => ({})),
    purge: async (ids) => ids.map(() => ({})),
    async empty() {},
    ...parts,
  };
  return mountOf({ trash });
}

async function listed(mount: Mount): Promise<number> {
  let items = 0;
  for await (const page of mount.trash!.list(call().o)) items += page.length;
  return items;
}

describe("the recycle bin under the layers", () => {
  it("observe records its calls like others", async () => {
    const ended: Observation[] = [];
    const recorder = { begun() {}, ended: (o: Observation) => ended.push(o) };
    const bin = withBin({
      async *list() {
        yield [FILE, FILE];
      },
      purge: async () => Promise.reject(DOWN),
    });
    const mount = observe(recorder, new FakeClock(), "/m")(bin);
    expect(await listed(mount)).toBe(2);
    await mount.trash!.restore(["a"], call().o);
    await expect(mount.trash!.purge(["a"], call().o)).rejects.toBe(DOWN);
    await mount.trash!.empty(call().o);
    expect(ended.map(({ operation, outcome, entries }) => [operation, outcome, entries])).toEqual([
      ["trash.list", "ok", 2],
      ["trash.restore", "ok", undefined],
      ["trash.purge", "unavailable", undefined],
      ["trash.empty", "ok", undefined],
    ]);
  });

  it("check refuses an answer that has not one outcome for each item", async () => {
    const mount = check(TRAITS)(withBin({ restore: async () => [{}] }));
    await expect(mount.trash!.restore(["a", "b"], call().o)).rejects.toMatchObject({ kind: "upstream" });
    expect(await mount.trash!.restore(["a"], call().o)).toEqual([{}]);
  });

  it("timeout ends a call that gives no sign of life, and a listing per page", async () => {
    const clock = new FakeClock();
    const { answer } = hanging();
    const mount = timeout(clock)(
      withBin({
        empty: answer,
        async *list(o) {
          yield await answer(o);
        },
      }),
    );
    const emptying = mount.trash!.empty(call().o).catch((error: unknown) => error);
    await clock.advance(LIMITS.batchMs);
    expect(await emptying).toMatchObject({ kind: "timeout" });
    const listing = listed(mount).catch((error: unknown) => error);
    await clock.advance(LIMITS.metadataMs);
    expect(await listing).toMatchObject({ kind: "timeout" });
  });

  it("retry repeats a listing before its first page, and never a restoration", async () => {
    const clock = new FakeClock();
    let lists = 0;
    let restores = 0;
    const mount = retry(
      clock,
      () => new Uint8Array(1),
    )(
      withBin({
        async *list() {
          if (++lists === 1) throw DOWN;
          yield [FILE];
        },
        async restore() {
          restores++;
          throw DOWN;
        },
      }),
    );
    const listing = listed(mount);
    await clock.advance(10_000);
    expect([await listing, lists]).toEqual([1, 2]);
    await expect(mount.trash!.restore(["a"], call().o)).rejects.toBe(DOWN);
    expect(restores).toBe(1);
  });

  it("single-flight joins no listing that began before a restoration", async () => {
    let lists = 0;
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const bin = withBin({}).trash!;
    const mount = singleFlight()(
      mountOf({
        trash: bin,
        async *list() {
          lists++;
          await gate;
          yield [FILE];
        },
      }),
    );
    const before = pagesOf(mount.list(ROOT, call().o));
    await mount.trash!.restore(["a"], call().o);
    const after = pagesOf(mount.list(ROOT, call().o));
    release();
    await Promise.all([before, after]);
    expect(lists).toBe(2);
  });
});
