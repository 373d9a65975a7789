import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { CallOptions, Entry, Link } from "#drivers/contract/mount.ts";
import { singleFlight } from "#server/layers/single-flight.ts";
import { call, FILE, mountOf, pagesOf, ROOT } from "./sample-mount.ts";

/** A mount whose answers the test gives by hand. */
function manual<T>() {
  const calls: { signal: AbortSignal; resolve(value: T): void; reject(error: unknown): void }[] = [];
  const answer = (...args: readonly unknown[]) =>
    new Promise<T>((resolve, reject) => {
      const { signal } = args.at(-1) as CallOptions;
      calls.push({ signal, resolve, reject });
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  return { calls, answer };
}

/** A listing whose pages the test lets go one by one. */
function manualListing() {
  const runs: { signal: AbortSignal; page(page: readonly Entry[] | "end" | Error): void; ended: boolean }[] = [];
  async function* list(_directory: Entry, o: CallOptions) {
    const queue: (readonly Entry[] | "end" | Error)[] = [];
    let wake = () => {};
    const run = {
      signal: o.signal,
      ended: false,
      page(page: readonly Entry[] | "end" | Error) {
        queue.push(page);
        wake();
      },
    };
    runs.push(run);
    try {
      for (;;) {
        const next = queue.shift();
        if (next === "end") return;
        if (next instanceof Error) throw next;
        if (next) yield next;
        else {
          await new Promise<void>((resolve, reject) => {
            wake = resolve;
            o.signal.addEventListener("abort", () => reject(o.signal.reason), { once: true });
            if (queue.length > 0) resolve();
          });
        }
      }
    } finally {
      run.ended = true;
    }
  }
  return { runs, list };
}

const page = (...names: string[]): readonly Entry[] => names.map((name) => ({ id: name, name, kind: "file" }));

describe("single-flight", () => {
  it("leaves the call running when one waiter aborts, and stops it when the last one does (architecture.md §3)", async () => {
    const { calls, answer } = manual<Entry>();
    const mount = singleFlight()(mountOf({ root: answer }));
    const [first, second] = [call(), call()];
    const one = mount.root(first.o);
    const two = mount.root(second.o);
    first.abort(new Error("first left"));
    await expect(one).rejects.toThrow("first left");
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([false]);
    second.abort(new Error("second left"));
    await expect(two).rejects.toThrow("second left");
    expect(calls[0]?.signal.aborted).toBe(true);
    expect(calls[0]?.signal.reason).toEqual(new Error("second left"));
  });

  it("makes a new call for who comes after the last waiter left", async () => {
    const { calls, answer } = manual<Entry>();
    const mount = singleFlight()(mountOf({ root: answer }));
    const left = call();
    const one = mount.root(left.o);
    left.abort(new Error("left"));
    const two = mount.root(call().o);
    await expect(one).rejects.toThrow("left");
    expect(calls).toHaveLength(2);
    calls[1]?.resolve(ROOT);
    expect(await two).toBe(ROOT);
  });

  it("makes no call for a caller that has already left", async () => {
    const { calls, answer } = manual<Entry>();
    const left = call();
    left.abort(new Error("left"));
    await expect(singleFlight()(mountOf({ root: answer })).root(left.o)).rejects.toThrow("left");
    expect(calls).toHaveLength(0);
  });

  it("merges equal stat calls, not different ones, and gives a failure to all", async () => {
    const { calls, answer } = manual<Entry>();
    const mount = singleFlight()(mountOf({ stat: answer }));
    const all = [["a", "b"], ["a", "b"], ["a/b"]].map((path) => mount.stat!(path, call().o));
    await setImmediate();
    expect(calls).toHaveLength(2);
    calls[0]?.reject(new Error("down"));
    calls[1]?.resolve(FILE);
    const outcomes = await Promise.allSettled(all);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  });

  it("lets an urgent caller not wait behind a call in the background", async () => {
    const { calls, answer } = manual<Entry>();
    const mount = singleFlight()(mountOf({ root: answer }));
    void mount.root({ ...call().o, priority: "background" });
    void mount.root({ ...call().o, priority: "interactive" });
    void mount.root({ ...call().o, priority: "background" });
    await setImmediate();
    expect(calls).toHaveLength(2);
  });

  it("lets nobody join what began before a change, or while it is made", async () => {
    const { calls, answer } = manual<Entry>();
    const change = manual<Entry>();
    const mount = singleFlight()(mountOf({ stat: answer, createDirectory: change.answer }));
    void mount.stat!(["a"], call().o);
    await setImmediate();
    const changing = mount.createDirectory!(ROOT, "a", call().o);
    void mount.stat!(["a"], call().o);
    await setImmediate();
    change.calls[0]?.resolve(ROOT);
    await changing;
    void mount.stat!(["a"], call().o);
    await setImmediate();
    expect(calls).toHaveLength(3);
  });

  it("releases a shared link when its last holder does", async () => {
    const { calls, answer } = manual<Link>();
    const mount = singleFlight()(mountOf({ link: answer }));
    const links = [0, 1].map(() => mount.link!(FILE, { purpose: "proxy" }, call().o));
    await setImmediate();
    expect(calls).toHaveLength(1);
    let released = 0;
    calls[0]?.resolve({
      url: "https://h/",
      boundTo: [],
      acceptsRanges: true,
      reusable: true,
      release: async () => {
        released += 1;
      },
    });
    const [one, two] = await Promise.all(links);
    await one?.release?.();
    await one?.release?.();
    expect(released).toBe(0);
    await two?.release?.();
    expect(released).toBe(1);
  });

  it("gives a link that works once to one caller only", async () => {
    let made = 0;
    const mount = singleFlight()(
      mountOf({
        link: async () => {
          made += 1;
          return { url: `https://h/${made}`, boundTo: [], acceptsRanges: true, reusable: false };
        },
      }),
    );
    const links = await Promise.all([0, 1, 2].map(() => mount.link!(FILE, { purpose: "proxy" }, call().o)));
    expect(new Set(links.map(({ url }) => url)).size).toBe(3);
  });
});

describe("single-flight of listings", () => {
  it("goes on for who stays when one reader aborts, and stops with the last", async () => {
    const { runs, list } = manualListing();
    const mount = singleFlight()(mountOf({ list }));
    const [first, second] = [call(), call()];
    const one = pagesOf(mount.list(ROOT, first.o));
    const two = pagesOf(mount.list(ROOT, second.o));
    await setImmediate();
    first.abort(new Error("first left"));
    await expect(one).rejects.toThrow("first left");
    expect(runs.map(({ signal }) => signal.aborted)).toEqual([false]);
    second.abort(new Error("second left"));
    await expect(two).rejects.toThrow("second left");
    await setImmediate();
    expect(runs.map(({ signal, ended }) => [signal.aborted, ended])).toEqual([[true, true]]);
  });

  it("stops the listing when its only reader breaks off", async () => {
    const { runs, list } = manualListing();
    const mount = singleFlight()(mountOf({ list }));
    const reading = (async () => {
      for await (const _ of mount.list(ROOT, call().o)) break;
    })();
    await setImmediate();
    runs[0]?.page(page("a"));
    await reading;
    await setImmediate();
    expect(runs.map(({ signal, ended }) => [signal.aborted, ended])).toEqual([[true, true]]);
  });

  it("gives a late reader all pages from the first", async () => {
    const { runs, list } = manualListing();
    const mount = singleFlight()(mountOf({ list }));
    const one = pagesOf(mount.list(ROOT, call().o));
    await setImmediate();
    runs[0]?.page(page("a"));
    await setImmediate();
    const two = pagesOf(mount.list(ROOT, call().o));
    await setImmediate();
    runs[0]?.page(page("b"));
    runs[0]?.page("end");
    const whole = [page("a"), page("b")];
    expect(await Promise.all([one, two])).toEqual([whole, whole]);
    expect(runs).toHaveLength(1);
  });

  it("gives a listing that broke on page 2 to nobody as complete", async () => {
    const { runs, list } = manualListing();
    const mount = singleFlight()(mountOf({ list }));
    const readers = [0, 1].map(() => pagesOf(mount.list(ROOT, call().o)));
    await setImmediate();
    runs[0]?.page(page("a"));
    runs[0]?.page(new Error("broke"));
    const outcomes = await Promise.allSettled(readers);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  it("begins anew for who comes after the end", async () => {
    const { runs, list } = manualListing();
    const mount = singleFlight()(mountOf({ list }));
    for (const n of [0, 1]) {
      const reading = pagesOf(mount.list(ROOT, call().o));
      await setImmediate();
      runs[n]?.page("end");
      expect(await reading).toEqual([]);
    }
    expect(runs).toHaveLength(2);
  });
});
