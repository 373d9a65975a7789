import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import { retry } from "#server/layers/retry.ts";
import { FakeClock } from "./fake-clock.ts";
import { call, FILE, hanging, mountOf, pagesOf, ROOT } from "./sample-mount.ts";

const busy = (retryAfterMs?: number) =>
  new StorageError("unavailable", "busy", { retryable: true, ...(retryAfterMs !== undefined && { retryAfterMs }) });

/** `run` fails `failures` times, then answers. */
function failing<T>(failures: number, value: T, error: () => unknown = () => busy()) {
  const at: number[] = [];
  const clock = new FakeClock();
  const run = async () => {
    at.push(clock.now());
    if (at.length <= failures) throw error();
    return value;
  };
  return { at, clock, run };
}

const middle = (n: number) => new Uint8Array(n).fill(128);
const layer = (clock: FakeClock, parts: Partial<Mount>) => retry(clock, middle)(mountOf(parts));

describe("retry", () => {
  it("ends its wait when the caller aborts, and makes no other try", async () => {
    const { at, clock, run } = failing(9, ROOT);
    const mount = layer(clock, { root: run });
    const { o, abort } = call();
    const running = mount.root(o);
    await setImmediate();
    expect(clock.sleeping).toBe(1);
    abort(new Error("left"));
    await expect(running).rejects.toThrow("left");
    expect([at.length, clock.sleeping]).toEqual([1, 0]);
  });

  it("throws the caller's reason, not what the driver made of it, when both come", async () => {
    for (const failure of [busy(), new StorageError("unavailable", "socket closed")]) {
      const { o, abort } = call();
      const mount = layer(new FakeClock(), {
        async root() {
          abort(new Error("left"));
          throw failure;
        },
      });
      await expect(mount.root(o)).rejects.toThrow("left");
    }
  });

  it("tries three times with growing delays, then throws the failure as spent", async () => {
    const { at, clock, run } = failing(9, ROOT);
    const running = layer(clock, { root: run })
      .root(call().o)
      .catch((error: unknown) => error);
    await clock.advance(60_000);
    expect(await running).toMatchObject({ kind: "unavailable", message: "busy", retryable: false });
    expect([at.length, at[1]! - at[0]!, at[2]! - at[1]!]).toEqual([3, 500, 1000]);
  });

  it("waits as long as the service asks, up to 10 s", async () => {
    const { at, clock, run } = failing(1, ROOT, () => busy(8000));
    const running = layer(clock, { root: run }).root(call().o);
    await clock.advance(8000);
    expect(await running).toBe(ROOT);
    expect(at[1]! - at[0]!).toBe(8000);
    const long = failing(1, ROOT, () => busy(10_001));
    await expect(layer(long.clock, { root: long.run }).root(call().o)).rejects.toMatchObject({
      retryAfterMs: 10_001,
      retryable: false,
    });
    expect(long.at).toHaveLength(1);
  });

  it("reads nothing but `retryable`: only the driver can tell (retry.ts)", async () => {
    const { at, clock, run } = failing(1, ROOT, () => new StorageError("unavailable", "for good"));
    await expect(layer(clock, { root: run }).root(call().o)).rejects.toThrow("for good");
    expect(at).toHaveLength(1);
  });

  it.each(["upload", "move", "copy", "remove", "createDirectory", "receive"] as const)(
    "never repeats %s, which could meet its own first success",
    async (operation) => {
      const { at, clock, run } = failing(9, FILE);
      const mount = layer(clock, { [operation]: run });
      const method = mount[operation] as (...args: unknown[]) => Promise<unknown>;
      await expect(method(call().o)).rejects.toMatchObject({ kind: "unavailable", retryable: true });
      expect([at.length, clock.sleeping]).toEqual([1, 0]);
    },
  );

  it("repeats a listing from the start while no page was handed on", async () => {
    const { at, clock, run } = failing(1, [FILE]);
    const mount = layer(clock, {
      async *list() {
        yield await run();
      },
    });
    const running = pagesOf(mount.list(ROOT, call().o));
    await clock.advance(1000);
    expect(await running).toEqual([[FILE]]);
    expect(at).toHaveLength(2);
  });

  it("fails a listing that breaks on page 2 instead of mixing two runs", async () => {
    const clock = new FakeClock();
    let runs = 0;
    const mount = layer(clock, {
      async *list() {
        runs += 1;
        yield [FILE];
        throw busy();
      },
    });
    await expect(pagesOf(mount.list(ROOT, call().o))).rejects.toThrow("busy");
    expect(runs).toBe(1);
  });

  it("repeats a read that fails before its first byte, not one that fails after it", async () => {
    const clock = new FakeClock();
    let reads = 0;
    const mount = layer(clock, {
      async read() {
        reads += 1;
        const run = reads;
        return Readable.from(
          (async function* () {
            if (run === 1) throw busy();
            yield Buffer.from("abc");
            if (run === 3) throw busy();
          })(),
        );
      },
    });
    const running = mount.read!(FILE, undefined, call().o);
    await clock.advance(1000);
    expect(String(await buffer(await running))).toBe("abc");
    expect(reads).toBe(2);
    await expect(mount.read!(FILE, undefined, call().o).then(buffer)).rejects.toThrow("busy");
    expect(reads).toBe(3);
  });

  it("destroys a stream that has no byte yet when the caller aborts", async () => {
    const stream = new Readable({ read() {} });
    const mount = layer(new FakeClock(), { read: async () => stream });
    const { o, abort } = call();
    const running = mount.read!(FILE, undefined, o);
    await setImmediate();
    abort(new Error("left"));
    await expect(running).rejects.toThrow("left");
    expect(stream.destroyed).toBe(true);
  });

  it("leaves a hanging call to its signal", async () => {
    const { answer, signals } = hanging();
    const { o, abort } = call();
    const running = layer(new FakeClock(), { root: answer }).root(o);
    abort(new Error("left"));
    await expect(running).rejects.toThrow("left");
    expect(signals).toHaveLength(1);
  });
});
