import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Entry, Mount, UploadOptions, UploadSource } from "#drivers/contract/mount.ts";
import { GRACE_MS, LIMITS, timeout } from "#server/layers/timeout.ts";
import { FakeClock } from "./fake-clock.ts";
import { call, FILE, hanging, mountOf, ROOT } from "./sample-mount.ts";

function limited(parts: Partial<Mount>) {
  const clock = new FakeClock();
  return { clock, mount: timeout(clock)(mountOf(parts)) };
}

const caught = (promise: Promise<unknown>) =>
  promise.then(
    () => "answered",
    (error: unknown) => error,
  );
const TIMEOUT = { kind: "timeout", retryable: true };

describe("timeout", () => {
  it("leaves at once when the caller aborts, even from a driver that ignores the signal, and leaves no timer", async () => {
    const { clock, mount } = limited({ root: () => new Promise(() => {}) });
    const { o, abort } = call();
    const running = mount.root(o);
    await setImmediate();
    expect(clock.sleeping).toBe(1);
    abort(new Error("left"));
    await expect(running).rejects.toThrow("left");
    await setImmediate();
    expect(clock.sleeping).toBe(0);
  });

  it("makes a call end with its caller's reason", async () => {
    const { answer, signals } = hanging();
    const { mount } = limited({ root: answer });
    const { o, abort } = call();
    const running = mount.root(o);
    const reason = new Error("left");
    abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(signals[0]?.reason).toBe(reason);
  });

  it("ends a metadata call after 30 s of silence and aborts it", async () => {
    const { answer, signals } = hanging();
    const { clock, mount } = limited({ root: answer });
    const running = caught(mount.root(call().o));
    await clock.advance(LIMITS.metadataMs - 1);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    expect(await running).toMatchObject(TIMEOUT);
    expect(signals[0]?.aborted).toBe(true);
  });

  it("counts a listing's silence per page, and not while its reader is busy", async () => {
    const { clock, mount } = limited({
      async *list(_directory, { signal }) {
        for (const n of [1, 2]) {
          await clock.sleep(20_000, signal);
          yield [{ ...FILE, name: String(n) }];
        }
        await clock.sleep(31_000, signal);
      },
    });
    const seen: string[] = [];
    const running = caught(
      (async () => {
        for await (const page of mount.list(ROOT, call().o)) {
          seen.push(page[0]!.name);
          await clock.sleep(50_000, call().signal);
        }
      })(),
    );
    await clock.advance(20_000 + 50_000 + 20_000 + 50_000 + 29_999);
    expect(seen).toEqual(["1", "2"]);
    await clock.advance(1);
    expect(await running).toMatchObject(TIMEOUT);
    expect(clock.sleeping).toBe(0);
  });

  it("fails a read that is silent for 60 s, but not one whose reader is slow", async () => {
    const source = new PassThrough({ highWaterMark: 4 });
    const { clock, mount } = limited({ read: async () => source });
    const stream = await mount.read!(FILE, undefined, call().o);
    source.write("abcdefgh");
    await clock.advance(10 * LIMITS.readMs);
    expect(stream.destroyed).toBe(false);
    const reading = caught(buffer(stream));
    await clock.advance(LIMITS.readMs - 1);
    expect(stream.destroyed).toBe(false);
    source.write("i");
    await clock.advance(LIMITS.readMs - 1);
    expect(stream.destroyed).toBe(false);
    await clock.advance(LIMITS.readMs);
    expect(await reading).toMatchObject(TIMEOUT);
  });

  it("breaks a stream that was handed on when the caller aborts, and forgets it when it ends", async () => {
    const { clock, mount } = limited({ read: async () => new Readable({ read() {} }) });
    const { o, abort } = call();
    const stream = await mount.read!(FILE, undefined, o);
    const reading = caught(buffer(stream));
    abort(new Error("left"));
    expect(await reading).toEqual(new Error("left"));
    expect(clock.sleeping).toBe(0);
    const done = limited({ read: async () => Readable.from([Buffer.from("abc")]) });
    expect(String(await buffer(await done.mount.read!(FILE, undefined, call().o)))).toBe("abc");
    await setImmediate();
    expect(done.clock.sleeping).toBe(0);
  });

  const source = (stream: Readable, size = 10): UploadSource => ({
    size,
    hashes: {},
    kind: "stream",
    open: async () => stream,
    digest: async () => "",
  });
  const uploading = (body: (s: UploadSource, o: UploadOptions) => Promise<Entry>) =>
    limited({ upload: (_parent, _name, s, o) => body(s, o) });

  it("gives an upload no limit while bytes move or progress is told, and 120 s without", async () => {
    const body = new PassThrough();
    const { clock, mount } = uploading(async (s, o) => {
      (await s.open()).resume();
      return new Promise((_, reject) => {
        setTimer(o);
        o.signal.addEventListener("abort", () => reject(o.signal.reason), { once: true });
      });
    });
    const setTimer = (o: UploadOptions) =>
      void clock.sleep(4 * LIMITS.uploadMs, call().signal).then(() => o.onProgress?.(1));
    const told: number[] = [];
    const o = { ...call().o, conflict: "fail", onProgress: (n: number) => told.push(n) } as const;
    const running = caught(mount.upload!(ROOT, "x", source(body), o));
    for (let n = 0; n < 5; n++) {
      await clock.advance(LIMITS.uploadMs - 1000);
      body.write("x");
    }
    expect(told).toEqual([1]);
    await clock.advance(LIMITS.uploadMs);
    expect(await running).toMatchObject(TIMEOUT);
  });

  it("lets a service that has taken the last byte put it together in silence, but not for ever", async () => {
    const body = new PassThrough();
    const { clock, mount } = uploading(async (s, o) => {
      (await s.open()).resume();
      return new Promise((_, reject) => {
        o.signal.addEventListener("abort", () => reject(o.signal.reason), { once: true });
      });
    });
    const running = caught(mount.upload!(ROOT, "x", source(body, 3), { ...call().o, conflict: "fail" }));
    await setImmediate();
    let isOver = false;
    void running.then(() => {
      isOver = true;
    });
    body.write("xxx");
    await clock.advance(LIMITS.assembleMs - 1);
    expect(isOver).toBe(false);
    await clock.advance(1);
    expect(await running).toMatchObject(TIMEOUT);
  });

  it("reports a change that came to its end although it was called off, since it happened", async () => {
    const { clock, mount } = limited({
      async createDirectory(_parent, name) {
        await clock.sleep(GRACE_MS - 1, call().signal);
        return { id: name, name, kind: "directory" };
      },
    });
    const { o, abort } = call();
    const running = mount.createDirectory!(ROOT, "x", o);
    await setImmediate();
    abort(new Error("left"));
    await clock.advance(GRACE_MS);
    expect(await running).toMatchObject({ name: "x" });
    expect(clock.sleeping).toBe(0);
  });

  it("lets go of a change that does not end within the grace", async () => {
    const { clock, mount } = limited({ createDirectory: () => new Promise(() => {}) });
    const { o, abort } = call();
    const running = caught(mount.createDirectory!(ROOT, "x", o));
    await setImmediate();
    abort(new Error("left"));
    await clock.advance(GRACE_MS);
    expect(await running).toEqual(new Error("left"));
    expect(clock.sleeping).toBe(0);
  });

  it("closes what a driver still hands over after nobody waits", async () => {
    const late = new Readable({ read() {} });
    const { clock, mount } = limited({
      async read() {
        await clock.sleep(LIMITS.readMs + 1, call().signal);
        return late;
      },
    });
    const running = caught(mount.read!(FILE, undefined, call().o));
    await clock.advance(LIMITS.readMs + 1);
    expect(await running).toMatchObject(TIMEOUT);
    await setImmediate();
    expect(late.destroyed).toBe(true);
  });
});
