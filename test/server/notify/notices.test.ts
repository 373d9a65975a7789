import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { secret } from "#drivers/contract/config.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { type Delivery, defineChannel } from "#server/notify/channel.ts";
import { type Notices, openNotices } from "#server/notify/notices.ts";
import type { Notice, NoticeState } from "#server/notify/notifier.ts";
import { type WatchedMount, watchMounts } from "#server/notify/watch-mounts.ts";
import { openSealing } from "#server/store/sealing.ts";
import { openSettings, type Settings } from "#server/store/settings.ts";
import { openStore, type Store } from "#server/store/store.ts";
import { FakeClock } from "#test/server/layers/fake-clock.ts";
import { silentLog } from "#test/support/vfs.ts";

/** Fails by never answering. */
const SILENT = new Error("silent");

const ACCOUNT = { kind: "account", id: 3, accountKind: "box", name: "ann" } as const;
const about = (state: NoticeState, message = "log in again"): Notice => ({
  subject: ACCOUNT,
  state,
  message: state === "ok" ? "" : message,
});

describe("what the owner is told", () => {
  let folder: string;
  let store: Store;
  let settings: Settings;
  let clock: FakeClock;
  let notices: Notices;
  let sent: { kind: string; delivery: Delivery }[];
  let failing: Map<string, Error>;

  const channel = (kind: string) =>
    defineChannel({
      kind,
      title: kind,
      settings: z.object({ key: secret({ title: "Key", description: "Secret." }).min(1) }),
      async send(_settings, delivery, _tools, signal) {
        const error = failing.get(kind);
        if (error === SILENT)
          await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        if (error) throw error;
        sent.push({ kind, delivery });
      },
    });
  const open = async () => {
    notices = await openNotices({
      store,
      settings,
      sealing: openSealing(folder),
      guard: {} as never,
      clock,
      log: silentLog,
      channels: [channel("one"), channel("two")],
    });
    notices.start();
  };
  const titles = () => sent.map(({ kind, delivery }) => `${kind}: ${delivery.title}`);
  const turn = () => clock.advance(0);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-notices-"));
    store = await openStore(folder);
    settings = await openSettings(store);
    await settings.set("notify_language", "en");
    await settings.set("site_url", "https://dav.example.com/pandav/, http://10.0.0.1");
    clock = new FakeClock();
    sent = [];
    failing = new Map();
    await open();
    await notices.channels.set("one", { key: "key-of-channel-one" });
  });
  afterEach(async () => {
    await notices.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is told once for each change, with the place where it can be set right", async () => {
    for (let i = 0; i < 3; i++) notices.notify(about("login-required"));
    await turn();
    expect(titles()).toEqual(["one: Pandav: Account ann (box) login required"]);
    expect(sent[0]?.delivery).toMatchObject({
      text: "log in again",
      url: "https://dav.example.com/pandav/@manage/accounts",
      facts: { state: "login-required", subject: ACCOUNT },
    });
    notices.notify(about("blocked"));
    await turn();
    notices.notify(about("ok"));
    notices.notify(about("ok"));
    await turn();
    expect(titles().slice(1)).toEqual([
      "one: Pandav: Account ann (box) blocked by its service",
      "one: Pandav: Account ann (box) works again",
    ]);
    await settings.set("notify_language", "zh-CN");
    notices.notify(about("login-required"));
    await turn();
    expect(titles().at(-1)).toBe("one: Pandav: 账号 ann（box） 需要重新登录");
  });

  it("is nothing at all of what works from the start", async () => {
    notices.notify(about("ok"));
    await turn();
    expect(sent).toEqual([]);
    await notices.close();
    expect(await store.db.selectFrom("notice").selectAll().execute()).toEqual([]);
    await open();
  });

  it("is not told again after a restart, but what was not delivered is", async () => {
    notices.notify(about("login-required"));
    await turn();
    failing.set("one", new StorageError("unavailable", "no network"));
    notices.notify({ subject: { kind: "backup" }, state: "failed", message: "no space" });
    await turn();
    await notices.close();
    failing.clear();
    await open();
    notices.notify(about("login-required"));
    await turn();
    expect(titles()).toEqual([
      "one: Pandav: Account ann (box) login required",
      "one: Pandav: Automatic backup failing",
    ]);
  });

  it("is tried again with growing delay, and given up with a reason that is shown", async () => {
    failing.set("one", new StorageError("unavailable", "no network"));
    notices.notify(about("login-required"));
    await turn();
    await clock.advance(5_000);
    failing.clear();
    await clock.advance(29_999);
    expect(sent).toEqual([]);
    await clock.advance(1);
    expect(sent).toHaveLength(1);
    failing.set("one", new StorageError("timeout", "the service does not answer"));
    notices.notify(about("blocked"));
    await clock.advance(5_000 + 30_000 + 120_000 + 600_000);
    failing.clear();
    await clock.advance(10_000_000);
    expect(sent).toHaveLength(1);
    expect(notices.channels.list()[0]).toMatchObject({
      kind: "one",
      lastError: "the service does not answer",
      lastAt: expect.any(Number),
    });
  });

  it("does not wait for a service that never answers", async () => {
    failing.set("one", SILENT);
    notices.notify(about("login-required"));
    await turn();
    await clock.advance(20_000);
    failing.clear();
    await clock.advance(5_000);
    expect(sent).toHaveLength(1);
  });

  it("is not tried again where the service refused it for good", async () => {
    failing.set("one", new StorageError("upstream", "the service did not take the message (status 404)"));
    notices.notify(about("login-required"));
    await turn();
    failing.clear();
    await clock.advance(10_000_000);
    expect(sent).toEqual([]);
    expect(notices.channels.list()[0]).toMatchObject({ lastError: expect.stringContaining("404") });
  });

  it("is not that something works again, to who never heard that it failed", async () => {
    await notices.channels.set("two", { key: "key-of-channel-two" });
    failing.set("two", new StorageError("unavailable", "no network"));
    notices.notify(about("login-required"));
    await turn();
    notices.notify(about("ok"));
    failing.clear();
    await clock.advance(10_000_000);
    expect(titles()).toEqual([
      "one: Pandav: Account ann (box) login required",
      "one: Pandav: Account ann (box) works again",
    ]);
  });

  it("keeps the secrets of channels sealed, and names a wrong setting", async () => {
    await expect(notices.channels.set("one", { key: "" })).rejects.toMatchObject({
      kind: "invalid-config",
      message: expect.stringContaining("key"),
    });
    await expect(notices.channels.set("one", { key: "x", other: 1 })).rejects.toMatchObject({ kind: "invalid-config" });
    await expect(notices.channels.set("none", {})).rejects.toMatchObject({ kind: "not-found" });
    await notices.close();
    await store.close();
    expect(readFileSync(join(folder, "pandav.db")).includes("key-of-channel-one")).toBe(false);
    store = await openStore(folder);
    await open();
    expect(notices.channels.list()[0]?.settings).toEqual({ key: "key-of-channel-one" });
    await notices.channels.remove("one");
    notices.notify(about("login-required"));
    await turn();
    expect(sent).toEqual([]);
  });

  it("has a bound: of very many at once the oldest are dropped", async () => {
    failing.set("one", new StorageError("unavailable", "no network"));
    for (let i = 0; i < 250; i++) {
      notices.notify({
        subject: { kind: "task", id: `t${i}`, taskKind: "copy", from: `/${i}` },
        state: "failed",
        message: "x",
      });
    }
    await turn();
    failing.clear();
    await clock.advance(5_000);
    expect(sent).toHaveLength(200);
    expect(titles().at(-1)).toBe("one: Pandav: Task copy: /249 failed");
  });

  it("tests a channel at once, and says why it failed", async () => {
    expect(await notices.test(undefined, new AbortController().signal)).toEqual([{ kind: "one" }]);
    expect(sent[0]?.delivery.title).toBe("Test message of Pandav");
    failing.set("one", new StorageError("timeout", "the service does not answer"));
    expect(await notices.test("one", new AbortController().signal)).toEqual([
      { kind: "one", error: "the service does not answer" },
    ]);
    await expect(notices.test("two", new AbortController().signal)).rejects.toMatchObject({ kind: "not-found" });
  });

  describe("of mounts", () => {
    it("is that one stays broken, not that it was for a moment, and that it works again", async () => {
      const mount: { -readonly [K in keyof WatchedMount]: WatchedMount[K] } = {
        id: 7,
        mountPath: "/pan",
        driver: "box",
        state: "working",
      };
      let mounts = [mount];
      const stop = new AbortController();
      const ended = watchMounts(() => mounts, notices, clock, stop.signal);
      await turn();
      Object.assign(mount, { state: "failed", error: "no network" });
      await clock.advance(20_000);
      mount.state = "working";
      await clock.advance(40_000);
      expect(sent).toEqual([]);
      mount.state = "failed";
      await clock.advance(100_000);
      expect(titles()).toEqual(["one: Pandav: Storage /pan failing"]);
      expect(sent[0]?.delivery).toMatchObject({
        text: "no network",
        url: expect.stringMatching(/\/@manage\/storages$/),
      });
      mount.state = "working";
      await clock.advance(20_000);
      expect(titles().at(-1)).toBe("one: Pandav: Storage /pan works again");
      Object.assign(mount, { state: "failed", account: { loginRequired: true } });
      await clock.advance(100_000);
      expect(sent).toHaveLength(2);
      mounts = [];
      await clock.advance(20_000);
      stop.abort();
      await ended;
    });
  });
});
