import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Priority } from "#drivers/contract/mount.ts";
import { createPacer } from "#server/upstream/pacer.ts";
import { FakeClock } from "#test/server/layers/fake-clock.ts";

const never = new AbortController().signal;

function paced(options: { ratePerSecond?: number; burst?: number } = {}) {
  const clock = new FakeClock();
  const start = clock.now();
  const pacer = createPacer({ clock, ...options });
  const gone: [string, number][] = [];
  const take = (name = "", priority: Priority = "interactive", signal = never, endpointClass = "default") =>
    pacer.take(endpointClass, priority, signal).then(() => void gone.push([name, clock.now() - start]));
  return { clock, pacer, gone, take };
}

describe("pacing", () => {
  it("ends a wait when its caller aborts, takes no token for it and leaves no timer", async () => {
    const { clock, gone, take } = paced({ burst: 1 });
    await take("first");
    const controller = new AbortController();
    const waiting = take("left", "interactive", controller.signal);
    const behind = take("behind", "background");
    await setImmediate();
    controller.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
    await clock.advance(500);
    await behind;
    expect(gone).toEqual([
      ["first", 0],
      ["behind", 500],
    ]);
    const last = new AbortController();
    const alone = take("alone", "interactive", last.signal);
    await setImmediate();
    expect(clock.sleeping).toBe(1);
    last.abort(new Error("left"));
    await expect(alone).rejects.toThrow("left");
    await setImmediate();
    expect(clock.sleeping).toBe(0);
  });

  it("takes nothing for a caller that has already left", async () => {
    const { gone, take } = paced({ burst: 1 });
    await expect(take("left", "interactive", AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
    await take("first");
    expect(gone).toEqual([["first", 0]]);
  });

  it("lets a burst of 10 go at once, then 2 a second (architecture.md §4)", async () => {
    const { clock, gone, take } = paced();
    for (let n = 0; n < 14; n++) void take();
    await clock.advance(10_000);
    expect(gone.map(([, at]) => at)).toEqual([...Array(10).fill(0), 500, 1000, 1500, 2000]);
  });

  it("goes on at another rate as soon as it is set, for those who wait too", async () => {
    const { clock, pacer, gone, take } = paced({ burst: 1, ratePerSecond: 0.01 });
    for (let n = 0; n < 3; n++) void take();
    await clock.advance(1000);
    expect(gone).toHaveLength(1);
    pacer.setRate(10);
    await clock.advance(1000);
    expect(gone).toHaveLength(3);
    void take("", "interactive", never, "another class");
    void take("", "interactive", never, "another class");
    await clock.advance(100);
    expect(gone).toHaveLength(5);
  });

  it("never lets more than burst + rate × time go, however calls come", async () => {
    const { clock, gone, take } = paced({ ratePerSecond: 5, burst: 3 });
    for (let n = 0; n < 60; n++) {
      void take();
      await clock.advance(100);
    }
    await clock.advance(20_000);
    expect(gone).toHaveLength(60);
    for (const [, from] of gone) {
      const within = gone.filter(([, at]) => at >= from && at < from + 1000).length;
      expect(within).toBeLessThanOrEqual(3 + 5);
    }
  });

  it("serves interactive before upload before background", async () => {
    const { clock, gone, take } = paced({ burst: 1 });
    await take("first");
    void take("b", "background");
    void take("u", "upload");
    void take("i", "interactive");
    await clock.advance(2000);
    expect(gone.map(([name]) => name)).toEqual(["first", "i", "u", "b"]);
  });

  it("keeps a bucket for each endpoint class", async () => {
    const { clock, gone, take } = paced({ burst: 1 });
    void take("list");
    void take("upload", "interactive", never, "upload");
    await clock.advance(0);
    expect(gone.map(([name]) => name)).toEqual(["list", "upload"]);
  });

  it("pauses as long as a 429 asks, goes on at half the rate, and recovers with good answers", async () => {
    const { clock, pacer, gone, take } = paced({ burst: 1 });
    pacer.slowDown("default", 3000);
    for (let n = 0; n < 3; n++) void take();
    await clock.advance(10_000);
    expect(gone.map(([, at]) => at)).toEqual([3000, 4000, 5000]);
    for (let n = 0; n < 10; n++) pacer.succeeded("default");
    gone.length = 0;
    for (let n = 0; n < 3; n++) void take();
    await clock.advance(10_000);
    const [a, b, c] = gone.map(([, at]) => at) as [number, number, number];
    expect([b - a, c - b]).toEqual([500, 500]);
  });

  it("pauses longer each time where a 429 names no time, and from the start again after a good answer", async () => {
    const { clock, pacer, gone, take } = paced({ ratePerSecond: 1000, burst: 1 });
    const pauses: number[] = [];
    for (const answer of ["429", "429", "good", "429"]) {
      if (answer === "good") {
        pacer.succeeded("default");
        continue;
      }
      const from = clock.now();
      pacer.slowDown("default");
      void take();
      await clock.advance(5000);
      pauses.push(gone.at(-1)![1] - (from - 1_000_000));
    }
    expect(pauses).toEqual([1000, 2000, 1000]);
  });

  it("fails at once, saying how long, when the pause is longer than anybody waits", async () => {
    const { clock, pacer, take } = paced({ burst: 1 });
    await take();
    const waiting = take();
    pacer.slowDown("default", 60_000);
    await expect(waiting).rejects.toMatchObject({ kind: "rate-limited", retryAfterMs: 60_000 });
    await clock.advance(10_000);
    await expect(take()).rejects.toMatchObject({ kind: "rate-limited", retryAfterMs: 50_000 });
  });

  it("opens the breaker on a block page: nobody goes, and who waits is told (architecture.md §4)", async () => {
    const { clock, pacer, take } = paced({ burst: 1 });
    await take();
    const waiting = take();
    pacer.block();
    await expect(waiting).rejects.toMatchObject({ kind: "blocked" });
    await expect(take("", "interactive", never, "other")).rejects.toMatchObject({
      kind: "blocked",
      retryAfterMs: 600_000,
    });
    expect(pacer.blockedUntil).toBe(clock.now() + 600_000);
    await clock.advance(600_000);
    expect(pacer.blockedUntil).toBeUndefined();
    await take();
    pacer.block();
    await expect(take()).rejects.toMatchObject({ kind: "blocked", retryAfterMs: 1_200_000 });
    expect(clock.sleeping).toBe(0);
  });
});
