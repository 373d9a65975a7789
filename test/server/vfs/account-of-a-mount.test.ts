/** What a mount does with its account, and what is left of it when the account's login is over (architecture.md §4, "Stale or error"). */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import type { AnyDriver, Clock, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Trash } from "#drivers/contract/mount.ts";
import type { MountAccount } from "#server/accounts/api.ts";
import { createRecorder } from "#server/request-context.ts";
import { systemClock } from "#server/upstream/clock.ts";
import { demandingLogin } from "#server/vfs/mount-account.ts";
import { mountOf } from "#test/server/layers/sample-mount.ts";
import { type Box, createBox } from "#test/support/box.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

const MINUTE = 60_000;
const opened: TestVfs[] = [];
afterEach(async () => {
  for (const test of opened.splice(0)) await test.dispose();
});

interface World extends TestVfs {
  readonly box: Box;
  readonly account: number;
  readonly lines: string[];
  readonly clock: { at: number };
}

async function open({ link }: { readonly link?: string } = {}): Promise<World> {
  const box = createBox({ seed: { folder: { "known.txt": "bytes" }, other: {} } });
  box.tokens.add("token-1");
  const lines: string[] = [];
  const log: Log = { debug() {}, info() {}, warn: (_fields, message) => lines.push(message) };
  const clock: Clock & { at: number } = { at: 1_700_000_000_000, now: () => clock.at, sleep: systemClock.sleep };
  const test = await openTestVfs({
    drivers: [link === undefined ? box.driver : withLinks(box.driver, link)],
    accountKinds: [box.kind],
    clock,
    log,
    recorder: createRecorder(log),
  });
  opened.push(test);
  const { id } = await test.accounts.add("box", { user: "ann", token: "token-1" }, forever);
  await test.mount({ mountPath: "/box", driver: "box", settings: {}, account: id });
  return { ...test, box, account: id, lines, clock };
}

/** The same driver, whose files all lie at one address. */
function withLinks(driver: AnyDriver, url: string): AnyDriver {
  return {
    ...driver,
    open: async (settings, env, o) => ({
      ...(await driver.open(settings, env, o)),
      link: async () => ({ url, boundTo: [], acceptsRanges: true, reusable: true }),
    }),
  };
}

const names = async ({ vfs }: TestVfs, path: string) =>
  (await vfs.list(path, forever)).entries?.map((entry) => entry.name).sort();
const read = async ({ vfs }: TestVfs, path: string) => text(await (await vfs.open(path, forever)).read());

/** The service takes no token any more, and renews none. */
function end(box: Box): void {
  box.tokens.clear();
  box.tokens.add("of another login");
  box.onRenew = () => {
    throw new StorageError("unauthenticated", "the cookie is over");
  };
}

describe("a mount whose account's login is over", () => {
  it("shows what is known, marked stale where it should have been asked for again", async () => {
    const world = await open();
    expect([await names(world, "/box"), await names(world, "/box/folder")]).toEqual([
      ["folder", "other"],
      ["known.txt"],
    ]);
    end(world.box);
    await expect(names(world, "/box/other")).rejects.toMatchObject({ kind: "unauthenticated", reason: "expired" });
    expect((await world.vfs.list("/box/folder", forever)).staleSeconds).toBeUndefined();
    world.clock.at += 90 * MINUTE;
    const listing = await world.vfs.list("/box/folder", forever);
    expect([listing.staleSeconds, listing.entries?.map(({ name }) => name)]).toEqual([90 * 60, ["known.txt"]]);
    expect(await world.vfs.stat("/box/folder/known.txt", forever)).toMatchObject({ kind: "file", size: 5 });
  });

  it("fails content, writes, unknown directories and unknown names, and never says that they do not exist", async () => {
    const world = await open();
    await names(world, "/box");
    await names(world, "/box/folder");
    end(world.box);
    world.clock.at += 90 * MINUTE;
    const refused = { kind: "unauthenticated", reason: "expired" };
    await expect(read(world, "/box/folder/known.txt")).rejects.toMatchObject(refused);
    await expect(names(world, "/box/other")).rejects.toMatchObject(refused);
    await expect(world.vfs.stat("/box/folder/missing", forever)).rejects.toMatchObject(refused);
    const source = { stream: Readable.from([Buffer.from("new")]), size: 3 };
    await expect(world.vfs.write("/box/folder/known.txt", source, forever)).rejects.toMatchObject(refused);
    await expect(world.vfs.makeDirectory("/box/new", forever)).rejects.toMatchObject(refused);
    await expect(world.vfs.remove("/box/folder/known.txt", forever)).rejects.toMatchObject(refused);
  });

  it("asks the service nothing more, and writes one line, however often somebody asks", async () => {
    const world = await open();
    await names(world, "/box");
    end(world.box);
    await expect(names(world, "/box/other")).rejects.toThrow();
    world.box.calls.length = 0;
    for (let i = 0; i < 5; i++) await expect(names(world, "/box/other")).rejects.toThrow(/pandav auth --kind box/);
    await expect(read(world, "/box/folder/known.txt")).rejects.toThrow();
    expect(world.box.calls).toEqual([]);
    expect(world.lines).toEqual([expect.stringMatching(/^the login of ann \(box\) is over/)]);
  });

  it("gives no link that was kept before, though the service would still take it", async () => {
    const world = await open({ link: "https://files.example.com/known" });
    await names(world, "/box/folder");
    const link = () => world.vfs.link("/box/folder/known.txt", forever);
    expect((await link()).url).toBe("https://files.example.com/known");
    world.box.calls.length = 0;
    await link();
    expect(world.box.calls).toEqual([]);
    end(world.box);
    await expect(names(world, "/box/other")).rejects.toThrow();
    await expect(link()).rejects.toMatchObject({ kind: "unauthenticated", reason: "expired" });
  });

  it("says so in the list of storages, and works again at once after a new login", async () => {
    const world = await open();
    await names(world, "/box");
    end(world.box);
    await expect(names(world, "/box/folder")).rejects.toThrow();
    const shown = () => world.vfs.storages.list()[0];
    expect(shown()).toMatchObject({ state: "failed", account: { id: world.account, loginRequired: true } });
    world.box.tokens.add("token-8");
    await world.accounts.add("box", { user: "ann", token: "token-8" }, forever);
    await expect.poll(shown).toMatchObject({ state: "working", account: { loginRequired: false } });
    expect(await read(world, "/box/folder/known.txt")).toBe("bytes");
  });

  it("keeps what is known through a restart, which asks nothing either", async () => {
    const world = await open();
    await names(world, "/box");
    end(world.box);
    await expect(names(world, "/box/other")).rejects.toThrow();
    world.box.calls.length = 0;
    opened.pop();
    const restarted = await world.restart();
    opened.push(restarted);
    expect(await names(restarted, "/box")).toEqual(["folder", "other"]);
    await expect(names(restarted, "/box/other")).rejects.toMatchObject({ kind: "unauthenticated" });
    expect(world.box.calls).toEqual([]);
  });
});

describe("the account of a mount", () => {
  it("renews itself within a call, which does not fail", async () => {
    const world = await open();
    world.box.tokens.clear();
    world.box.tokens.add("token-2");
    expect(await names(world, "/box")).toEqual(["folder", "other"]);
    expect(world.box.calls.filter((call) => call.startsWith("renew"))).toEqual(["renew ann"]);
  });

  it("is demanded by a driver that always needs one, with the field and the remedy", async () => {
    const box = createBox();
    const world = await openTestVfs({ drivers: [box.driver], accountKinds: [box.kind] });
    opened.push(world);
    const input = { mountPath: "/b", driver: "box", settings: {} };
    await expect(world.mount(input)).rejects.toMatchObject({
      kind: "invalid-config",
      message: 'account: driver box needs an account of kind box: log in with "pandav auth --kind box"',
    });
    await expect(world.mount({ ...input, account: 7 })).rejects.toThrow(/^account: there is no account 7/);
    const ann = await world.accounts.add("box", { user: "ann", token: "t" }, forever);
    expect((await world.mount(input)).account).toMatchObject({ id: ann.id, name: "ann" });
    const bob = await world.accounts.add("box", { user: "bob", token: "t" }, forever);
    await expect(world.mount({ ...input, mountPath: "/c" })).rejects.toThrow(
      `account: driver box needs one of ${ann.id} (ann), ${bob.id} (bob): name its id`,
    );
    expect((await world.mount({ ...input, mountPath: "/c", account: bob.id })).account).toMatchObject({ name: "bob" });
  });

  it("stays where a form that knows no accounts changes the storage, and takes the tree along only if it is the same", async () => {
    const world = await open();
    await names(world, "/box");
    const [storage] = world.vfs.storages.list();
    const id = storage?.id ?? 0;
    const same = await world.vfs.storages.update(id, { mountPath: "/new", driver: "box", settings: {} }, forever);
    expect(same.account).toMatchObject({ id: world.account });
    const bob = await world.accounts.add("box", { user: "bob", token: "token-1" }, forever);
    world.box.calls.length = 0;
    await world.vfs.storages.update(id, { mountPath: "/new", driver: "box", settings: {}, account: bob.id }, forever);
    await names(world, "/new");
    expect(world.box.calls).toContain("list with token-1");
  });

  it("forgets the tree of another folder also where the storage is disabled while its settings change", async () => {
    const world = await open();
    expect(await names(world, "/box")).toEqual(["folder", "other"]);
    const id = world.vfs.storages.list()[0]!.id;
    await world.vfs.storages.disable(id);
    const bob = await world.accounts.add("box", { user: "bob", token: "token-1" }, forever);
    const changed = { mountPath: "/box", driver: "box", settings: {}, account: bob.id };
    await world.vfs.storages.update(id, changed, forever);
    world.box.calls.length = 0;
    await world.vfs.storages.enable(id, forever);
    await names(world, "/box");
    expect(world.box.calls).toContain("list with token-1");
  });
});

describe("a mount whose login is over", () => {
  it("asks the service for nothing, its recycle bin included (architecture.md §4)", async () => {
    const over = new StorageError("unauthenticated", "log in again", { reason: "expired" });
    const asked: string[] = [];
    const trash: Trash = {
      async *list() {
        asked.push("list");
        yield [];
      },
      restore: async (ids) => ids.map(() => ({})),
      purge: async (ids) => ids.map(() => ({})),
      async empty() {
        asked.push("empty");
      },
    };
    const account = {
      demandLogin() {
        throw over;
      },
    } as unknown as MountAccount;
    const mount = demandingLogin(mountOf({ trash }), account);
    await expect(mount.trash!.list(forever)[Symbol.asyncIterator]().next()).rejects.toBe(over);
    await expect(mount.trash!.empty(forever)).rejects.toBe(over);
    expect(asked).toEqual([]);
  });
});
