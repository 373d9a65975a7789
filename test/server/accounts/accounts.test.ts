import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { openVault } from "#server/accounts/vault.ts";
import { createNotifier, type Notice } from "#server/notify/notifier.ts";
import { type Box, type BoxCredential, createBox } from "#test/support/box.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

interface World extends TestVfs {
  readonly box: Box;
  readonly lines: string[];
  readonly notices: Notice[];
  again(): Promise<World>;
}

const opened: TestVfs[] = [];
afterEach(async () => {
  for (const test of opened.splice(0)) await test.dispose();
});

async function open(box = createBox({ seed: { a: "1" } }), dataDir?: string): Promise<World> {
  const lines: string[] = [];
  const notices: Notice[] = [];
  const log: Log = {
    debug() {},
    info() {},
    warn: (fields, message) => lines.push(`${message} ${JSON.stringify(fields)}`),
  };
  const test = await openTestVfs({
    drivers: [box.driver],
    accountKinds: [box.kind],
    log,
    notifier: createNotifier(log, {
      notify: (notice) => void (notice.state !== "ok" && notices.push(notice)),
      forget() {},
    }),
    ...(dataDir !== undefined && { dataDir }),
  });
  opened.push(test);
  return {
    ...test,
    box,
    lines,
    notices,
    async again() {
      opened.splice(opened.indexOf(test), 1);
      await test.logins.close();
      await test.vfs.close(AbortSignal.timeout(10_000));
      await test.accounts.close();
      await test.store.close();
      return open(box, test.dataDir);
    },
  };
}

const ANN: BoxCredential = { user: "ann", token: "token-1" };
const login = (world: World, credential: BoxCredential = ANN) => world.accounts.add("box", credential, forever);
const handleOf = async (world: World, id: number) => (await world.accounts.forMount(id)).handle;
const over = () => new StorageError("unauthenticated", "the cookie is over");

describe("an account", () => {
  it("is known by who it is at the service: the same user's login updates it (architecture.md §4)", async () => {
    const world = await open();
    const first = await login(world);
    expect(first).toMatchObject({
      kind: "box",
      userId: "id-ann",
      name: "ann",
      loginRequired: false,
      health: { state: "ok" },
    });
    const again = await login(world, { ...ANN, token: "token-9" });
    expect(again.id).toBe(first.id);
    expect((await login(world, { user: "bob", token: "t" })).id).not.toBe(first.id);
    expect(await (await handleOf(world, first.id)).get()).toEqual({ ...ANN, token: "token-9" });
    expect(world.box.calls).toEqual(["identify ann", "identify ann", "identify bob"]);
  });

  it("is one when the same user logs in twice at once", async () => {
    const world = await open();
    const [first, second] = await Promise.all([login(world), login(world)]);
    expect([first.id, world.accounts.list().length]).toEqual([second.id, 1]);
  });

  it("is not stored when the service does not know the credential", async () => {
    const world = await open();
    await expect(login(world, { user: "nobody", token: "t" })).rejects.toMatchObject({ kind: "unauthenticated" });
    await expect(world.accounts.add("none", ANN, forever)).rejects.toThrow('no account kind "none": there are box');
    await expect(world.accounts.add("box", { token: 1 }, forever)).rejects.toMatchObject({ kind: "invalid-config" });
    expect(world.accounts.list()).toEqual([]);
  });

  it("comes back after a restart, and its secrets are nowhere in the files of the database", async () => {
    const world = await open();
    const secret = "canary-7b1f0c-token";
    const { id } = await login(world, { ...ANN, token: secret, cookie: "canary-cookie-99ab" });
    const restarted = await world.again();
    expect(restarted.accounts.get(id)).toMatchObject({ name: "ann", loginRequired: false });
    expect(await (await handleOf(restarted, id)).get()).toMatchObject({ token: secret, cookie: "canary-cookie-99ab" });
    const files = readdirSync(world.dataDir, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    expect(files.map(({ name }) => name)).toContain("pandav.db");
    for (const { parentPath, name } of files) {
      const bytes = readFileSync(join(parentPath, name)).toString("latin1");
      expect([name, bytes.includes("canary")]).toEqual([name, false]);
    }
  });

  it("takes a pasted text or another client's session file, and says when it is neither", async () => {
    const world = await open();
    expect(await world.accounts.addText("box", " box:eve:t1\n", forever)).toMatchObject({ name: "eve" });
    const session = JSON.stringify({ user: "ann", token: "t2", more: 1 });
    const { id } = await world.accounts.addText("box", session, forever);
    expect(await (await handleOf(world, id)).get()).toEqual({ user: "ann", token: "t2" });
    const failure = world.accounts.addText("box", "canary-paste", forever);
    await expect(failure).rejects.toMatchObject({
      kind: "invalid-config",
      message: expect.not.stringContaining("canary"),
    });
  });
});

describe("a renewal", () => {
  it("happens once for eight parallel calls with an expired token, and all get the new one (architecture.md §3)", async () => {
    const world = await open();
    const { id } = await login(world);
    const handle = await handleOf(world, id);
    const gate = Promise.withResolvers<void>();
    world.box.onRenew = () => gate.promise;
    const failed = (await handle.get()) as BoxCredential;
    const renewals = Array.from({ length: 8 }, () => handle.renew(failed));
    gate.resolve();
    const renewed = await Promise.all(renewals);
    expect(renewed.map((one) => (one as BoxCredential).token)).toEqual(Array(8).fill("token-2"));
    expect(world.box.calls.filter((call) => call === "renew ann")).toHaveLength(1);
  });

  it("is durable before anybody uses it: what could not be stored is given to nobody", async () => {
    const world = await open();
    const { id } = await login(world);
    const handle = await handleOf(world, id);
    world.store.connection.exec(
      "create trigger full before update on account begin select raise(abort, 'disk full'); end",
    );
    await expect(handle.renew(ANN)).rejects.toThrow("disk full");
    expect(await handle.get()).toEqual(ANN);
    world.store.connection.exec("drop trigger full");
    expect(await handle.renew(ANN)).toEqual({ ...ANN, token: "token-2" });
    const [row] = await world.store.db.selectFrom("account").selectAll().execute();
    const stored = openVault(world.dataDir).open(row?.credential ?? "", { kind: "box", id });
    expect(JSON.parse(stored)).toEqual({ ...ANN, token: "token-2" });
  });

  it("is not made for a credential that is no longer the stored one", async () => {
    const world = await open();
    const { id } = await login(world);
    const handle = await handleOf(world, id);
    await handle.renew(ANN);
    expect(await handle.renew(ANN)).toEqual({ ...ANN, token: "token-2" });
    expect(world.box.calls.filter((call) => call === "renew ann")).toHaveLength(1);
  });

  it("that the network breaks leaves the account as it was, and the next one is tried", async () => {
    const world = await open();
    const { id } = await login(world);
    const handle = await handleOf(world, id);
    const down = new StorageError("unavailable", "no network");
    world.box.onRenew = () => {
      throw down;
    };
    await expect(handle.renew(ANN)).rejects.toBe(down);
    expect(world.accounts.get(id)).toMatchObject({ loginRequired: false, health: { state: "ok" } });
    world.box.onRenew = () => {};
    expect(await handle.renew(ANN)).toMatchObject({ token: "token-2" });
    expect(world.notices).toEqual([]);
  });

  it("that only a person can help makes the account expired: one log line, one notice, and no call until a new login", async () => {
    const world = await open();
    const { id } = await login(world);
    const handle = await handleOf(world, id);
    world.box.onRenew = () => {
      throw over();
    };
    const failures = await Promise.allSettled(Array.from({ length: 8 }, () => handle.renew(ANN)));
    expect(failures.map((one) => (one as PromiseRejectedResult).reason.kind)).toEqual(Array(8).fill("unauthenticated"));
    expect(world.accounts.get(id)).toMatchObject({ loginRequired: true, health: { state: "expired" } });
    world.box.calls.length = 0;
    for (const call of [() => handle.get(), () => handle.renew(ANN)]) {
      await expect(call()).rejects.toMatchObject({
        kind: "unauthenticated",
        reason: "expired",
        message: 'the login of ann (box) is over: log in again with "pandav auth --kind box"',
      });
    }
    expect(world.box.calls).toEqual([]);
    expect(world.lines.filter((line) => line.includes("login"))).toHaveLength(1);
    expect(world.notices).toEqual([
      {
        subject: { kind: "account", id, accountKind: "box", name: "ann" },
        state: "login-required",
        message: expect.stringContaining("pandav auth"),
      },
    ]);
    const restarted = await world.again();
    await expect((await handleOf(restarted, id)).get()).rejects.toMatchObject({ kind: "unauthenticated" });
    await login(restarted, { ...ANN, token: "token-5" });
    expect(restarted.accounts.get(id)).toMatchObject({ loginRequired: false, health: { state: "ok" } });
    expect(await (await handleOf(restarted, id)).get()).toMatchObject({ token: "token-5" });
  });

  it("in progress gives way to a new login, whose credential everybody gets", async () => {
    const world = await open();
    const { id } = await login(world);
    const handle = await handleOf(world, id);
    const gate = Promise.withResolvers<void>();
    world.box.onRenew = () => gate.promise;
    const waiting = handle.renew(ANN);
    await expect.poll(() => world.box.calls).toContain("renew ann");
    await login(world, { ...ANN, token: "token-7" });
    gate.reject(over());
    expect(await waiting).toMatchObject({ token: "token-7" });
    expect(world.accounts.get(id)).toMatchObject({ loginRequired: false });
    expect(world.notices).toEqual([]);
  });

  it("keeps a cookie that rotated while it ran", async () => {
    const world = await open();
    const { id } = await login(world, { ...ANN, cookie: "old" });
    const handle = await handleOf(world, id);
    const gate = Promise.withResolvers<void>();
    world.box.onRenew = () => gate.promise;
    const waiting = handle.renew(await handle.get());
    await expect.poll(() => world.box.calls).toContain("renew ann");
    await handle.update({ cookie: "rotated" });
    gate.resolve();
    expect(await waiting).toEqual({ user: "ann", token: "token-2", cookie: "rotated" });
  });
});

describe("what an account keeps", () => {
  it("merges rotated cookies, all of them, durably", async () => {
    const world = await open();
    const { id } = await login(world);
    const handle = await handleOf(world, id);
    await Promise.all([handle.update({ cookie: "c2" }), handle.update({ token: "t2" })]);
    const restarted = await world.again();
    expect(await (await handleOf(restarted, id)).get()).toEqual({ user: "ann", token: "t2", cookie: "c2" });
  });

  it("forgets the credential at a logout, for good, and late cookies do not bring it back", async () => {
    const world = await open();
    const { id } = await login(world);
    const handle = await handleOf(world, id);
    expect(await world.accounts.logOut(id)).toMatchObject({ loginRequired: true });
    await handle.update({ cookie: "late" });
    const restarted = await world.again();
    await expect((await handleOf(restarted, id)).get()).rejects.toMatchObject({ kind: "unauthenticated" });
    const rows = await restarted.store.db.selectFrom("account").select("credential").execute();
    expect(rows).toEqual([{ credential: null }]);
    expect(restarted.notices).toEqual([]);
  });

  it("says once that its credential cannot be read with this key, and works when the key is back", async () => {
    const world = await open();
    const { id } = await login(world);
    const file = join(world.dataDir, "secret.key");
    const key = readFileSync(file, "utf8");
    writeFileSync(file, `${"00".repeat(32)}\n`);
    const restarted = await world.again();
    const handle = await handleOf(restarted, id);
    for (let i = 0; i < 3; i++) await expect(handle.get()).rejects.toThrow(/secret\.key is not the key/);
    expect(restarted.lines).toEqual([expect.stringMatching(/secret\.key is not the key/)]);
    expect(restarted.accounts.get(id)).toMatchObject({ loginRequired: true });
    writeFileSync(file, key);
    expect(await restarted.accounts.check(id, forever)).toMatchObject({ loginRequired: false });
    expect(await handle.get()).toEqual(ANN);
  });

  it("shares one budget among its mounts, at the rate that its owner set", async () => {
    const world = await open();
    const { id } = await login(world);
    const [one, two] = [await world.accounts.forMount(id), await world.accounts.forMount(id)];
    expect(one.pacer).toBe(two.pacer);
    expect(await world.accounts.setRate(id, 5)).toMatchObject({ rate: 5 });
    await expect(world.accounts.setRate(id, 0)).rejects.toMatchObject({ kind: "invalid-config" });
    const restarted = await world.again();
    expect(restarted.accounts.get(id)).toMatchObject({ rate: 5 });
    expect(await restarted.accounts.setRate(id, undefined)).not.toHaveProperty("rate");
  });
});

describe("a health check", () => {
  it("renews once where the token is over, and remembers how the account is", async () => {
    const world = await open();
    const { id } = await login(world);
    world.box.tokens.add("token-2");
    world.box.health = { state: "expiring", until: 1_800_000_000_000 };
    expect(await world.accounts.check(id, forever)).toMatchObject({ health: world.box.health, loginRequired: false });
    expect(world.box.calls.slice(1)).toEqual(["check ann", "renew ann", "check ann"]);
    expect((await world.again()).accounts.get(id)).toMatchObject({ health: world.box.health });
  });

  it("finds an account expired that nothing renews, and tells once", async () => {
    const world = await open();
    const { id } = await login(world);
    world.box.tokens.add("another");
    world.box.onRenew = () => {
      throw over();
    };
    for (let i = 0; i < 2; i++) expect(await world.accounts.check(id, forever)).toMatchObject({ loginRequired: true });
    expect(world.notices).toHaveLength(1);
  });

  it("tells nothing of a login that came while it ran", async () => {
    const box = createBox();
    const asked = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<never>();
    const kind = {
      ...box.kind,
      check() {
        asked.resolve();
        return gate.promise;
      },
    };
    const world = await open({ ...box, kind });
    const { id } = await login(world);
    const checked = world.accounts.check(id, forever);
    await asked.promise;
    await login(world, { ...ANN, token: "token-7" });
    gate.reject(over());
    expect(await checked).toMatchObject({ loginRequired: false, health: { state: "ok" } });
    expect(await (await handleOf(world, id)).get()).toEqual({ ...ANN, token: "token-7" });
    expect(world.notices).toEqual([]);
  });

  it("ends when its caller leaves, whatever the service does", async () => {
    const world = await open();
    const { id } = await login(world);
    world.box.tokens.add("another");
    world.box.onRenew = () => new Promise(() => {});
    const caller = new AbortController();
    const checked = world.accounts.check(id, { signal: caller.signal });
    await expect.poll(() => world.box.calls).toContain("renew ann");
    caller.abort(new Error("left"));
    await expect(checked).rejects.toThrow("left");
  });
});

describe("removing an account", () => {
  it("is refused while mounts use it, which are named", async () => {
    const world = await open();
    const { id } = await login(world);
    const { id: storage } = await world.mount({ mountPath: "/box", driver: "box", settings: {}, account: id });
    await expect(world.accounts.remove(id)).rejects.toMatchObject({
      kind: "locked",
      message: "the account ann is used by /box: remove what is mounted there first",
    });
    await world.vfs.storages.remove(storage);
    await world.accounts.remove(id);
    expect([world.accounts.list(), (await world.again()).accounts.list()]).toEqual([[], []]);
  });

  it("never gives its number to another, so that no sealed text fits the next", async () => {
    const world = await open();
    const { id } = await login(world);
    await world.accounts.remove(id);
    expect((await login(world)).id).toBeGreaterThan(id);
  });
});
