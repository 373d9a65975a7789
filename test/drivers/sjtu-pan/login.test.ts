import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LoginStep } from "#drivers/contract/account.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { sjtuAccount } from "#drivers/sjtu-pan/account.ts";
import { importJdiskSession, type SjtuCredential } from "#drivers/sjtu-pan/credential.ts";
import { ROOT } from "#drivers/sjtu-pan/entries.ts";
import { calm, soon, within } from "#test/contract/steps.ts";
import { handClock } from "#test/simulators/sjtu-pan/clock.ts";
import { type RunningSjtuPan, type StartOptions, startSjtuPan } from "#test/simulators/sjtu-pan/start.ts";
import { openWorld, panEnv } from "./simulator.ts";
import { countingSource } from "./sources.ts";
import { fastClock, turnedClock } from "./turned-clock.ts";

const MiB = 2 ** 20;
const flowOf = (id: string) => sjtuAccount.flows.find((flow) => flow.id === id)!;

/** A login by QR code; `onStep` is what the person before the screen does. */
async function byQrCode(
  pan: RunningSjtuPan,
  onStep: (step: Extract<LoginStep, { kind: "qr" }>, shown: number) => void | Promise<void>,
  signal = AbortSignal.timeout(20_000),
  clock = turnedClock(),
): Promise<SjtuCredential> {
  const env = panEnv(pan, clock);
  try {
    const run = flowOf("qr").run({}, env, { signal });
    for (let shown = 1; ; shown++) {
      const { done, value } = await run.next();
      if (done) return sjtuAccount.credential.parse(value);
      if (value.kind !== "qr") throw new Error(`the flow asks for ${value.kind}`);
      await onStep(value, shown);
    }
  } finally {
    await env.close();
  }
}

/** What the phone reads in a code. */
function scanned(pan: RunningSjtuPan, { content }: { content: string }): boolean {
  const { searchParams: query } = new URL(content);
  return pan.qr.scan(query.get("uuid")!, query.get("sig")!, Number(query.get("ts")));
}

describe("the login by QR code", () => {
  let pan: RunningSjtuPan;
  const start = async (options: StartOptions = {}) => {
    pan = await startSjtuPan({ accounts: [{ nickname: "林小明" }], ...options });
  };
  beforeEach(() => start());
  afterEach(async () => {
    await within(5000, () => expect(pan.pending().sockets).toBe(0));
    await pan.close();
    expect(pan.violations).toEqual([]);
  });

  it("shows the address of §2.2 step 5, and ends in cookie, userToken and access token (sjtu-pan.md §12.5, scenario 1)", async () => {
    const steps: LoginStep[] = [];
    const credential = await byQrCode(pan, (step) => {
      steps.push(step);
      expect(scanned(pan, step)).toBe(true);
    });
    expect(steps).toHaveLength(1);
    expect(steps[0]).toMatchObject({ kind: "qr", state: "waiting" });
    expect((steps[0] as { content: string }).content).toMatch(
      /^https:\/\/jaccount\.sjtu\.edu\.cn\/jaccount\/confirmscancode\?uuid=[0-9a-f-]{36}&ts=\d+&sig=[^&]+$/,
    );
    expect(credential.cookie).toBeTruthy();
    expect(credential.userToken).toHaveLength(128);
    expect(credential.access?.spaceId).toBe(pan.credentials().spaceId);
    const env = panEnv(pan, turnedClock());
    expect(await sjtuAccount.identify(credential, env, calm())).toEqual({
      userId: pan.credentials().spaceId,
      name: "林小明",
    });
    expect(await sjtuAccount.check(credential, env, calm())).toEqual({ state: "ok" });
    await env.close();
  });

  it("shows a fresh code every 45 s, and the old ones are refused by and by (sjtu-pan.md §12.5, scenario 1)", async () => {
    await pan.close();
    const clock = handClock(Date.now());
    await start({ clock });
    const driverClock = turnedClock(() => clock.now() - Date.now());
    const hurried = {
      now: driverClock.now,
      // The waiting for 45 s is what turns the service's clock.
      async sleep(ms: number, signal: AbortSignal) {
        if (ms > 30_000 && ms < 60_000) clock.advance(ms);
        await driverClock.sleep(ms > 30_000 && ms < 60_000 ? 1 : ms, signal);
      },
    };
    const shown: string[] = [];
    await byQrCode(
      pan,
      (step, times) => {
        expect(step.state).toBe(times === 1 ? "waiting" : "refreshed");
        shown.push(step.content);
        if (times < 3) return;
        expect(scanned(pan, { content: shown[0]! })).toBe(false);
        expect(scanned(pan, step)).toBe(true);
      },
      undefined,
      hurried,
    );
    expect(new Set(shown).size).toBe(3);
    expect(pan.log.count("my.appmyinfo")).toBe(1);
  });

  it("goes on with the same uuid when the socket breaks before the scan (sjtu-pan.md §12.5, scenario 2)", async () => {
    pan.knobs.qr.dropAfter = 1;
    await byQrCode(pan, (step, times) => {
      if (times < 3) return;
      pan.knobs.qr.dropAfter = 0;
      expect(scanned(pan, step)).toBe(true);
    });
    expect(pan.log.count("ws.connect")).toBeGreaterThanOrEqual(3);
    expect(pan.log.count("my.appmyinfo")).toBe(1);
  });

  it("takes a new login page when jAccount does not know the uuid any more (sjtu-pan.md §2.2)", async () => {
    pan.faults.add({ route: "ws.connect", fault: { kind: "error", status: 404 } });
    await byQrCode(pan, (step) => void scanned(pan, step));
    expect(pan.log.count("my.appmyinfo")).toBe(2);
  });

  it("opens a socket again that says nothing (sjtu-pan.md §2.2)", async () => {
    await pan.close();
    const clock = fastClock(100);
    await start({ clock });
    pan.knobs.qr.silent = true;
    const login = byQrCode(pan, (step) => void scanned(pan, step), undefined, clock);
    await within(15_000, () => expect(pan.log.count("ws.connect")).toBeGreaterThanOrEqual(2));
    pan.knobs.qr.silent = false;
    expect((await login).userToken).toHaveLength(128);
    expect(pan.log.count("my.appmyinfo")).toBe(1);
  });

  it("does not mind heartbeats, and types in lower case (sjtu-pan.md §2.2)", async () => {
    pan.knobs.qr.heartbeatEveryMs = 1;
    pan.knobs.qr.lowercaseTypes = true;
    pan.knobs.qr.delayLoginMs = 20;
    expect((await byQrCode(pan, (step) => void scanned(pan, step))).cookie).toBeTruthy();
  });

  it("fails with reason refused where jAccount gives no first code (sjtu-pan.md §2.2)", async () => {
    pan.knobs.qr.errorCode = 3;
    await expect(byQrCode(pan, () => {})).rejects.toMatchObject({ kind: "unauthenticated", reason: "refused" });
  });

  it("fails with reason expired when nobody confirms for five minutes (sjtu-pan.md §2.2)", async () => {
    await pan.close();
    const clock = fastClock(200);
    await start({ clock });
    let shown = 0;
    const login = byQrCode(pan, () => void shown++, undefined, clock);
    await expect(login).rejects.toMatchObject({ kind: "unauthenticated", reason: "expired" });
    expect(shown).toBeGreaterThan(3);
  });

  it("ends with its signal, the socket closed", async () => {
    const controller = new AbortController();
    const reason = new Error("no more");
    const login = byQrCode(pan, () => void setTimeout(() => controller.abort(reason), 5), controller.signal);
    await expect(soon(login, "the end of the login")).rejects.toBe(reason);
  });

  it("says 'campus network or VPN?' where nothing can be reached (sjtu-pan.md §10, P-34)", async () => {
    await pan.close();
    const failure = await byQrCode(pan, () => {}).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: "unavailable", reason: "campus-network" });
    expect((failure as Error).message).toContain("campus network or VPN?");
    await start();
  });
});

describe("the other logins", () => {
  async function login(pan: RunningSjtuPan, id: string, input: Record<string, string>): Promise<SjtuCredential> {
    const env = panEnv(pan, turnedClock());
    try {
      const run = flowOf(id).run(flowOf(id).input.parse(input), env, calm());
      const { done, value } = await run.next();
      expect(done).toBe(true);
      return value as SjtuCredential;
    } finally {
      await env.close();
    }
  }

  it("takes a cookie as it was pasted, and gives it to jAccount alone (sjtu-pan.md §12.5, scenario 3; §2.3)", async () => {
    await using world = await openWorld();
    const { cookie } = world.pan.credentials();
    for (const text of [cookie, ` JAAuthCookie=${cookie}\n`, `a=b; JAAuthCookie=${cookie}; c=d`]) {
      const credential = await login(world.pan, "cookie", { cookie: text });
      expect(credential).toMatchObject({ cookie, access: { spaceId: world.pan.credentials().spaceId } });
      expect(credential.userTokenExpiresAt).toBeGreaterThan(Date.now());
    }
  });

  it("says of an expired cookie that it is over (sjtu-pan.md §12.5, scenario 3)", async () => {
    await using world = await openWorld();
    const { cookie } = world.pan.credentials();
    world.pan.end("cookies");
    await expect(login(world.pan, "cookie", { cookie })).rejects.toMatchObject({
      kind: "unauthenticated",
      reason: "expired",
    });
  });

  it("takes a userToken alone, from a cookie or from an address (sjtu-pan.md §12.5, scenario 4; §2.7)", async () => {
    await using world = await openWorld();
    const { userToken, spaceId } = world.pan.credentials();
    const address = `https://pan.sjtu.edu.cn/user/v1/space/1?user_token=${userToken}&x=1`;
    for (const token of [userToken, `USER_TOKEN=${userToken}`, address]) {
      expect(await login(world.pan, "token", { token })).toMatchObject({ userToken, access: { spaceId } });
      expect(sjtuAccount.matchText!(token)).toEqual({ userToken });
    }
    const wrong = userToken.replace(/^./, (first) => (first === "0" ? "1" : "0"));
    world.pan.tolerate("stale-token");
    await expect(login(world.pan, "token", { token: wrong })).rejects.toMatchObject({ kind: "unauthenticated" });
    await expect(login(world.pan, "token", { token: "too short" })).rejects.toMatchObject({ reason: "refused" });
  });

  it("tells a userToken that nothing can renew some days before its end (sjtu-pan.md §2.7)", async () => {
    await using world = await openWorld();
    const { userToken, cookie } = world.pan.credentials();
    const userTokenExpiresAt = Date.now() + 86_400_000;
    const check = (credential: SjtuCredential) => sjtuAccount.check(credential, world.env, calm());
    expect(await check({ userToken, userTokenExpiresAt })).toEqual({ state: "expiring", until: userTokenExpiresAt });
    expect(await check({ userToken, userTokenExpiresAt, cookie })).toEqual({ state: "ok" });
    world.pan.end("user-tokens");
    expect(await check({ userToken })).toEqual({ state: "expired", reason: "expired" });
    expect(await check({ userToken, cookie })).toEqual({ state: "ok" });
  });

  it("imports both of jdisk's session files (sjtu-pan.md §2.8, §12.6)", async () => {
    const userToken = "0123456789abcdef".repeat(8);
    const python = {
      ja_auth_cookie: "c00kie",
      user_token: userToken,
      library_id: "smh",
      space_id: "s",
      access_token: "a",
      username: "x",
    };
    expect(importJdiskSession(JSON.stringify(python))).toEqual({ cookie: "c00kie", userToken });
    const go = { userToken, libraryId: "smh", spaceId: "s", accessToken: "a", expiresAt: "2026-08-01T00:00:00Z" };
    expect(importJdiskSession(JSON.stringify(go))).toEqual({ userToken });
    for (const text of ["", "no json", "{}", "[]", '{"userToken":"short"}'])
      expect(importJdiskSession(text)).toBeUndefined();
    await using world = await openWorld({ credential: importJdiskSession(JSON.stringify(python))! });
    const { cookie } = world.pan.credentials();
    const left = importJdiskSession(JSON.stringify({ ...python, ja_auth_cookie: cookie, user_token: "" }))!;
    expect((await sjtuAccount.identify(left, world.env, calm())).userId).toBe(world.pan.credentials().spaceId);
  });
});

describe("the tokens of an account", () => {
  it("are renewed once for eight parallel calls with an expired access token (sjtu-pan.md §2.1, §12.5, scenario 5)", async () => {
    await using world = await openWorld();
    await world.mount.root(calm());
    expect(world.account.renewals).toBe(1);
    world.pan.end("access-tokens");
    const second = await world.open();
    world.pan.log.clear();
    await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 ? second : world.mount).root(calm())));
    expect(world.account.renewals).toBe(2);
    expect(world.pan.log.count("user.personal-space")).toBe(1);
  });

  it("are not asked for by a second mount, nor after a restart", async () => {
    await using world = await openWorld();
    await world.mount.root(calm());
    await (await world.open()).root(calm());
    await using restarted = await openWorld({ simulator: world.pan, credential: world.account.credential });
    await restarted.mount.root(calm());
    expect(restarted.account.renewals).toBe(0);
    expect(world.pan.log.count("user.personal-space")).toBe(1);
  });

  it("are renewed before they end, with less than two minutes left (sjtu-pan.md §2.1)", async () => {
    const clock = handClock(Date.now());
    await using world = await openWorld({ clock, driverClock: turnedClock(() => clock.now() - Date.now()) });
    await world.mount.root(calm());
    clock.advance(27 * 60_000);
    await world.mount.root(calm());
    expect(world.account.renewals).toBe(1);
    clock.advance(1.5 * 60_000);
    await world.mount.root(calm());
    expect(world.account.renewals).toBe(2);
    expect(world.pan.log.entries.some(({ status }) => status === 403)).toBe(false);
  });

  it("end in the middle of a listing and of an upload without anybody noticing (sjtu-pan.md §12.5, scenario 5)", async () => {
    await using world = await openWorld();
    for (let i = 0; i < 2501; i++) world.pan.files.put(`many/${i}`, "");
    world.pan.faults.add({ route: "api.list", skip: 1, fault: { kind: "access-tokens-end" } });
    let entries = 0;
    const many = await world.mount.stat!(["many"], calm());
    for await (const page of world.mount.list(many, calm())) entries += page.length;
    expect(entries).toBe(2501);
    world.pan.faults.add({ route: "api.upload-renew", fault: { kind: "access-tokens-end" } });
    // Shorter than what the driver still uses, and longer than a slow machine takes to send a part.
    world.pan.knobs.signedHeadersLifeMs = 20_000;
    await world.mount.upload!(ROOT, "large.bin", countingSource(9 * MiB), { ...calm(), conflict: "fail" });
    expect(world.account.renewals).toBe(3);
  });

  it.each([403, 401] as const)(
    "are known to be over by the code, whatever the status (%i; sjtu-pan.md §11)",
    async (tokenErrorStatus) => {
      await using world = await openWorld({ knobs: { tokenErrorStatus } });
      await world.mount.root(calm());
      world.pan.end("access-tokens");
      await world.mount.root(calm());
      expect(world.account.renewals).toBe(2);
    },
  );

  it("come from the kept cookie when the userToken is over, silently (sjtu-pan.md §12.5, scenario 6; P-39)", async () => {
    await using world = await openWorld();
    await world.mount.root(calm());
    const before = world.account.credential.userToken;
    world.pan.end("user-tokens");
    world.pan.end("access-tokens");
    await world.mount.root(calm());
    expect(world.account.renewals).toBe(2);
    expect(world.account.credential.userToken).not.toBe(before);
    expect(world.account.credential.deviceId).toMatch(/^pandav-[0-9a-f]{16}$/);
    world.pan.end("user-tokens");
    expect(await world.mount.usage!(calm())).toMatchObject({ used: 0 });
  });

  it("cannot be renewed without a cookie: the owner has to sign in, and no storm of calls follows (sjtu-pan.md §12.5, scenario 6)", async () => {
    await using world = await openWorld();
    const { userToken } = world.pan.credentials();
    await using dead = await openWorld({ simulator: world.pan, credential: { userToken } });
    world.pan.end("user-tokens");
    const failure = await dead.mount.root(calm()).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      kind: "unauthenticated",
      reason: "expired",
      upstream: { code: "InvalidUserToken" },
    });
    expect((failure as Error).message).toContain("sign in again");
    expect(world.pan.log.count()).toBe(1);
  });

  it("are asked for once more where the sign-in's code was too old (sjtu-pan.md §1.6)", async () => {
    await using world = await openWorld();
    const { cookie } = world.pan.credentials();
    await using other = await openWorld({ simulator: world.pan, credential: { cookie } });
    world.pan.faults.add({
      route: "user.verify",
      fault: { kind: "error", status: 403, code: "AuthorizationCodeExpired" },
    });
    await other.mount.root(calm());
    expect(world.pan.log.count("user.verify")).toBe(2);
  });

  it("of an account without a drive are refused in words (sjtu-pan.md §2.5)", async () => {
    await using world = await openWorld();
    world.pan.setPersonalSpace(false);
    const failure = await world.mount.root(calm()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StorageError);
    expect(failure).toMatchObject({ kind: "permission-denied", upstream: { code: "PersonalSpaceNotAllowed" } });
  });
});
