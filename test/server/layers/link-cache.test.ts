import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import type { BatchResult, ClientHints, Entry, Link, Mount } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { type KeptLink, linkCache } from "#server/layers/link-cache.ts";
import { FakeClock } from "./fake-clock.ts";
import { call, FILE, mountOf, ROOT, TRAITS } from "./sample-mount.ts";

const HOUR = 3_600_000;
const BY_PATH: Traits = { ...TRAITS, ids: "path" };
const PROXY: ClientHints = { purpose: "proxy" };
const REDIRECT: ClientHints = { purpose: "redirect", userAgent: "VLC/3", address: "10.0.0.1" };

interface Setup {
  /** The link that each call gives, besides its number in the address. */
  readonly link?: Partial<Link> | ((clock: FakeClock) => Partial<Link>);
  readonly traits?: Traits;
  readonly parts?: Partial<Mount>;
}

/** A mount under the cache alone, whose links live two hours, and what was asked of it. */
function cached({ link = (clock) => ({ expiresAt: clock.now() + 2 * HOUR }), traits = BY_PATH, parts }: Setup = {}) {
  const clock = new FakeClock();
  const released: string[] = [];
  let calls = 0;
  const login = { isOver: false };
  const demandLogin = () => {
    if (login.isOver) throw new StorageError("unauthenticated", "the login is over");
  };
  const mount = linkCache({ clock, traits, demandLogin })(
    mountOf({
      async link() {
        const url = `https://files/${++calls}`;
        const given = typeof link === "function" ? link(clock) : link;
        return {
          url,
          boundTo: [],
          acceptsRanges: true,
          reusable: true,
          release: async () => void released.push(url),
          ...given,
        };
      },
      ...parts,
    }),
  );
  const take = (client = PROXY, file: Entry = FILE): Promise<KeptLink> => mount.link!(file, client, call().o);
  const takeAndGive = async (client = PROXY, file: Entry = FILE) => {
    const taken = await take(client, file);
    await taken.release?.();
    return taken.url;
  };
  return { mount, clock, released, login, take, takeAndGive, calls: () => calls };
}

const file = (id: string): Entry => ({ ...FILE, id, name: id.split("/").at(-1)! });

describe("the link cache (architecture.md §7)", () => {
  it("makes no call for a caller that has already left, and stops the call when the last waiter leaves", async () => {
    const signals: AbortSignal[] = [];
    const { mount, take } = cached({
      parts: {
        link: (_file, _client, o) => {
          signals.push(o.signal);
          return new Promise((_, reject) => {
            o.signal.addEventListener("abort", () => reject(o.signal.reason), { once: true });
          });
        },
      },
    });
    const gone = call();
    gone.abort(new Error("gone"));
    await expect(mount.link!(FILE, PROXY, gone.o)).rejects.toThrow("gone");
    expect(signals).toHaveLength(0);
    const leaving = call();
    const taking = mount.link!(FILE, PROXY, leaving.o);
    await setImmediate();
    leaving.abort(new Error("left"));
    await expect(taking).rejects.toThrow("left");
    expect(signals[0]?.aborted).toBe(true);
    void take().catch(() => {});
    await setImmediate();
    expect(signals).toHaveLength(2);
  });

  it("gives one link to all who ask for one content, one after the other and at the same time", async () => {
    const { take, calls } = cached();
    const together = await Promise.all([take(), take(), take()]);
    const later = await take();
    expect([...together, later].map(({ url }) => url)).toEqual(Array(4).fill("https://files/1"));
    expect([together[0]?.isFresh, later.isFresh]).toEqual([true, false]);
    expect(calls()).toBe(1);
  });

  it("takes another version, another size and another id for other content", async () => {
    const { take, calls } = cached();
    for (const over of [{}, { version: "2" }, { size: 4 }, { id: "g" }]) await take(PROXY, { ...FILE, ...over });
    expect(calls()).toBe(4);
  });

  it("keeps a link for this server until a minute before its end", async () => {
    const { takeAndGive, clock } = cached();
    await takeAndGive();
    await clock.advance(2 * HOUR - 61_000);
    expect(await takeAndGive()).toBe("https://files/1");
    await clock.advance(1_000);
    expect(await takeAndGive()).toBe("https://files/2");
  });

  it("hands a stranger no link that has less than half of its life left", async () => {
    const { takeAndGive, clock } = cached();
    await takeAndGive(REDIRECT);
    await clock.advance(HOUR - 1_000);
    expect(await takeAndGive(REDIRECT)).toBe("https://files/1");
    await clock.advance(1_000);
    expect(await takeAndGive(REDIRECT)).toBe("https://files/2");
  });

  it("gives a link that was made for this server to no stranger, nor the other way round", async () => {
    const { takeAndGive, calls } = cached();
    await takeAndGive(PROXY);
    await takeAndGive(REDIRECT);
    expect(calls()).toBe(2);
  });

  const BOUND: [Link["boundTo"], Partial<ClientHints>, number][] = [
    [[], { userAgent: "other", address: "10.0.0.2" }, 1],
    [["user-agent"], { address: "10.0.0.2" }, 1],
    [["user-agent"], { userAgent: "other" }, 2],
    [["client-ip"], { userAgent: "other" }, 1],
    [["client-ip"], { address: "10.0.0.2" }, 2],
    [["user-agent", "client-ip"], { address: "10.0.0.2" }, 2],
    [["cookie"], { userAgent: "other", address: "10.0.0.2" }, 1],
  ];
  it.each(BOUND)("bound to %j, asked by another with %j: %i calls", async (boundTo, other, expected) => {
    const { takeAndGive, calls } = cached({ link: (clock) => ({ boundTo, expiresAt: clock.now() + HOUR }) });
    await takeAndGive(REDIRECT);
    await takeAndGive({ ...REDIRECT, ...other });
    await takeAndGive(REDIRECT);
    expect(calls()).toBe(expected);
  });

  it("keeps a link whose end nobody tells for five minutes less the margin", async () => {
    const { takeAndGive, clock } = cached({ link: {} });
    await takeAndGive();
    await clock.advance(239_000);
    expect(await takeAndGive()).toBe("https://files/1");
    await clock.advance(1_000);
    expect(await takeAndGive()).toBe("https://files/2");
  });

  it("keeps no link that works once, and gives each to one caller only", async () => {
    const { take, released, clock } = cached({ link: { reusable: false } });
    const links = [...(await Promise.all([take(), take()])), await take()];
    expect(new Set(links.map(({ url }) => url)).size).toBe(3);
    expect(released).toEqual([]);
    for (const link of links) await link.release?.();
    expect(released.sort()).toEqual(["https://files/1", "https://files/2", "https://files/3"]);
    expect(clock.sleeping).toBe(3);
  });

  it("gives nothing while the account's login is over: content fails then (architecture.md §4)", async () => {
    const { takeAndGive, login, calls } = cached();
    await takeAndGive();
    login.isOver = true;
    await expect(takeAndGive()).rejects.toMatchObject({ kind: "unauthenticated" });
    login.isOver = false;
    expect(await takeAndGive()).toBe("https://files/1");
    expect(calls()).toBe(1);
  });

  it("gives a link that was found not to work to nobody any more", async () => {
    const { take, takeAndGive } = cached();
    const [one, two] = [await take(), await take()];
    one.spoil?.();
    expect(await takeAndGive()).toBe("https://files/2");
    // The other holder's failure is about the old link.
    two.spoil?.();
    expect(await takeAndGive()).toBe("https://files/2");
  });

  it("holds the links of a thousand files and no more, the longest unused going first", async () => {
    const { takeAndGive, released } = cached();
    for (let i = 0; i <= 1000; i++) {
      await takeAndGive(PROXY, file(`f${i}`));
      if (i === 500) await takeAndGive(PROXY, file("f0"));
    }
    expect(released).toEqual(["https://files/2"]);
    expect(await takeAndGive(PROXY, file("f0"))).toBe("https://files/1");
  });

  it("holds the links of eight askers of one file and no more", async () => {
    const { takeAndGive, released } = cached({
      link: (clock) => ({ boundTo: ["user-agent"], expiresAt: clock.now() + HOUR }),
    });
    for (let i = 0; i < 9; i++) await takeAndGive({ purpose: "proxy", userAgent: `agent ${i}` });
    expect(released).toEqual(["https://files/1"]);
  });
});

describe("a kept link is released at the upstream", () => {
  it("when it is kept no more and its last user gave it back, once", async () => {
    const { take, released } = cached();
    const [one, two] = [await take(), await take()];
    await one.release?.();
    await one.release?.();
    one.spoil?.();
    expect(released).toEqual([]);
    await two.release?.();
    expect(released).toEqual(["https://files/1"]);
  });

  it("when its time is up, though a stranger never says that he is done with it", async () => {
    const { take, released, clock } = cached();
    const held = await take(REDIRECT);
    held.spoil?.();
    await clock.advance(2 * HOUR - 1);
    expect(released).toEqual([]);
    await clock.advance(1);
    expect(released).toEqual(["https://files/1"]);
  });

  it("when its time is up, but not under a download that still runs", async () => {
    const { take, released, clock } = cached();
    const held = await take();
    await clock.advance(3 * HOUR);
    expect(released).toEqual([]);
    await held.release?.();
    expect(released).toEqual(["https://files/1"]);
  });

  it("when nobody is there any more to take it, and it cannot be kept", async () => {
    const { promise, resolve } = Promise.withResolvers<Link>();
    const released: string[] = [];
    const { mount } = cached({ parts: { link: () => promise } });
    const leaving = call();
    const taking = mount.link!(FILE, PROXY, leaving.o);
    await setImmediate();
    leaving.abort(new Error("left"));
    await expect(taking).rejects.toThrow("left");
    resolve({
      url: "https://files/late",
      boundTo: [],
      acceptsRanges: true,
      reusable: false,
      release: async () => void released.push("late"),
    });
    await expect.poll(() => released).toEqual(["late"]);
  });

  it("when the mount is closed, and no timer stays behind", async () => {
    let closed = 0;
    const { mount, takeAndGive, released, clock } = cached({ parts: { close: async () => void closed++ } });
    await takeAndGive();
    await takeAndGive(REDIRECT);
    await mount.close!();
    await setImmediate();
    expect([released.length, closed, clock.sleeping]).toEqual([2, 1, 0]);
  });
});

describe("a change made through the mount", () => {
  const ok = async (entries: readonly Entry[]): Promise<BatchResult> => entries.map(() => ({}));
  const docs: Entry = { id: "docs", name: "docs", kind: "directory" };
  const source = { size: 1, hashes: {}, kind: "stream", open: () => Promise.reject(), digest: async () => "" } as const;
  const FILES = ["a", "docs/a", "docs/deep/b", "docs2"];

  const CHANGES: [string, (mount: Mount) => Promise<unknown>, string[]][] = [
    ["a removal", (m) => m.remove!([file("a")], { ...call().o, mode: "permanent" }), ["a"]],
    ["a directory's removal", (m) => m.remove!([docs], { ...call().o, mode: "trash" }), ["docs/a", "docs/deep/b"]],
    ["an upload", (m) => m.upload!(docs, "a", source, { ...call().o, conflict: "replace" }), ["docs/a"]],
    ["an upload into the root", (m) => m.upload!(ROOT_BY_PATH, "a", source, { ...call().o, conflict: "fail" }), ["a"]],
    ["a move onto another", (m) => m.move!([file("a")], docs, { ...call().o, conflict: "replace" }), ["a", "docs/a"]],
    ["a rename", (m) => m.move!([docs], ROOT_BY_PATH, { ...call().o, name: "d", conflict: "fail" }), FILES.slice(1, 3)],
    ["a copy", (m) => m.copy!([file("a")], docs, { ...call().o, conflict: "replace" }), ["docs/a"]],
    ["emptying the bin", (m) => m.trash!.empty(call().o), FILES],
    ["a new directory", (m) => m.createDirectory!(docs, "new", call().o), []],
  ];
  const ROOT_BY_PATH: Entry = { ...ROOT, id: "" };
  const parts: Partial<Mount> = {
    remove: ok,
    move: ok,
    copy: ok,
    upload: async (parent, name) => file(parent.id === "" ? name : `${parent.id}/${name}`),
    createDirectory: async () => docs,
    trash: { async *list() {}, restore: async () => [], purge: async () => [], empty: async () => {} },
  };

  it.each(CHANGES)("ends the links that it touches and no others: %s", async (_what, change, gone) => {
    const { mount, takeAndGive } = cached({ parts });
    const before = await Promise.all(FILES.map((id) => takeAndGive(PROXY, file(id))));
    await change(mount);
    const again: string[] = [];
    for (const [i, id] of FILES.entries()) {
      if ((await takeAndGive(PROXY, file(id))) !== before[i]) again.push(id);
    }
    expect(again).toEqual(gone);
  });

  it("ends all links where ids do not tell what it touched: a directory goes, or the service leaves open what it wrote", async () => {
    const { mount, takeAndGive, calls } = cached({ traits: TRAITS, parts });
    await takeAndGive();
    await mount.remove!([file("other")], { ...call().o, mode: "permanent" });
    await takeAndGive();
    expect(calls()).toBe(1);
    await mount.remove!([docs], { ...call().o, mode: "permanent" });
    await takeAndGive();
    expect(calls()).toBe(2);
    await mount.copy!([file("other")], docs, { ...call().o, conflict: "replace" });
    await takeAndGive();
    expect(calls()).toBe(3);
  });

  it("ends them also where it failed, since it may have come through", async () => {
    const failing = async () => Promise.reject(new StorageError("unavailable", "no answer"));
    const { mount, takeAndGive, calls } = cached({ parts: { upload: failing } });
    await takeAndGive(PROXY, file("docs/a"));
    const upload = mount.upload!(docs, "a", source, { ...call().o, conflict: "replace" });
    await takeAndGive(PROXY, file("docs/a"));
    await expect(upload).rejects.toThrow("no answer");
    await takeAndGive(PROXY, file("docs/a"));
    expect(calls()).toBe(3);
  });

  it("lets a link that was asked for before it be used, but not kept", async () => {
    const asked: ((link: Link) => void)[] = [];
    const { mount, take } = cached({ parts: { ...parts, link: () => new Promise((resolve) => asked.push(resolve)) } });
    const link = { boundTo: [], acceptsRanges: true, reusable: true };
    const early = take(PROXY, file("a"));
    await setImmediate();
    await mount.remove!([file("b")], { ...call().o, mode: "permanent" });
    asked[0]?.({ ...link, url: "https://files/old" });
    expect((await early).url).toBe("https://files/old");
    const late = take(PROXY, file("a"));
    await setImmediate();
    asked[1]?.({ ...link, url: "https://files/new" });
    expect((await late).url).toBe("https://files/new");
  });
});
