import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { memoryJournal } from "#server/layers/journal.ts";
import { LIMITS } from "#server/layers/timeout.ts";
import { systemClock } from "#server/upstream/clock.ts";
import { layersOf } from "#server/vfs/stack.ts";
import { stackFixture } from "#test/support/stack-fixture.ts";
import { FakeClock } from "./fake-clock.ts";
import { withServer } from "./loopback.ts";
import { call, FILE, hanging, mountOf, ROOT, TRAITS } from "./sample-mount.ts";

const caught = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe("the stack", () => {
  it("has one order, with a reason for each place (server/vfs/stack.ts)", () => {
    const layers = layersOf({
      traits: TRAITS,
      mountPath: "/m",
      clock: systemClock,
      recorder: { begun() {}, ended() {} },
      journal: memoryJournal(),
      random: (n) => new Uint8Array(n),
      bytes: () => Promise.reject() as never,
    });
    expect(layers.map(({ name }) => name)).toEqual([
      "observe",
      "check",
      "single-flight",
      "retry",
      "timeout",
      "complete",
      "link-cache",
    ]);
    expect(layers.every(({ why }) => why.length > 20)).toBe(true);
  });

  it("carries an abort from the caller to the driver, and back as its reason", async () => {
    const { answer, signals } = hanging();
    const { mount, observations } = stackFixture(mountOf({ root: answer }), TRAITS);
    const { o, abort } = call();
    const running = mount.root(o);
    await expect.poll(() => signals.length).toBe(1);
    const reason = new Error("left");
    abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(signals[0]?.reason).toBe(reason);
    expect(observations.map(({ outcome }) => outcome)).toEqual(["aborted"]);
  });

  it("observes what check refuses", async () => {
    const { mount, observations } = stackFixture(mountOf({ createDirectory: async () => ROOT }), TRAITS);
    await expect(mount.createDirectory!(ROOT, "..", call().o)).rejects.toThrow();
    expect(observations.map(({ outcome }) => outcome)).toEqual(["invalid-name"]);
  });

  it("makes one row of tries for all waiters: retry is inside single-flight", async () => {
    const clock = new FakeClock();
    let calls = 0;
    const driver = mountOf({
      async root() {
        calls += 1;
        throw new StorageError("unavailable", "down", { retryable: true });
      },
    });
    const { mount } = stackFixture(driver, TRAITS, { clock });
    const waiters = [0, 1, 2].map(() => caught(mount.root(call().o)));
    await clock.advance(60_000);
    expect((await Promise.all(waiters)).map((error) => (error as StorageError).kind)).toEqual(
      Array(3).fill("unavailable"),
    );
    expect(calls).toBe(3);
  });

  it("gives each try a limit of its own: timeout is inside retry", async () => {
    const clock = new FakeClock();
    const { answer, signals } = hanging();
    const { mount } = stackFixture(mountOf({ root: answer }), TRAITS, { clock });
    const running = caught(mount.root(call().o));
    await clock.advance(3 * LIMITS.metadataMs + 10_000);
    expect(await running).toMatchObject({ kind: "timeout", retryable: false });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    expect(clock.sleeping).toBe(0);
  });

  it("judges a driver's answer before anybody reads it", async () => {
    const { mount } = stackFixture(mountOf({ stat: async () => ({ ...FILE, size: -1 }) }), TRAITS);
    await expect(mount.stat!(["a"], call().o)).rejects.toMatchObject({ kind: "upstream" });
  });

  it("retries and observes a read that complete derived: complete is inside both", async () => {
    let requests = 0;
    await withServer(
      (_request, response) => {
        requests += 1;
        if (requests === 1) response.writeHead(503).end("busy");
        else response.end("abc");
      },
      async (origin) => {
        const link = async () => ({ url: `${origin}/x`, boundTo: [], acceptsRanges: true, reusable: true });
        const { mount, observations } = stackFixture(mountOf({ link }), TRAITS);
        expect(String(await buffer(await mount.read!(FILE, undefined, call().o)))).toBe("abc");
        expect(requests).toBe(2);
        expect(observations.map(({ operation, outcome }) => [operation, outcome])).toEqual([["read", "ok"]]);
      },
    );
  });
});
