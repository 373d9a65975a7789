import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { LoginStep } from "#drivers/contract/account.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { LoginRequest, LoginState } from "#server/accounts/api.ts";
import { FakeClock } from "#test/server/layers/fake-clock.ts";
import { type Box, createBox } from "#test/support/box.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

const opened: TestVfs[] = [];
afterEach(async () => {
  for (const test of opened.splice(0)) await test.dispose();
});

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const qr = (content: string, state: "waiting" | "scanned" | "refreshed" = "waiting"): LoginStep => ({
  kind: "qr",
  content,
  state,
});

async function open(box: Box = createBox(), clock?: FakeClock) {
  const test = await openTestVfs({ drivers: [box.driver], accountKinds: [box.kind], ...(clock && { clock }) });
  opened.push(test);
  const { logins } = test;
  const start = (more: Partial<LoginRequest> = {}) =>
    logins.start({ kind: "box", flow: "script", input: {}, finish: async (account) => ({ account }), ...more });
  const next = (state: LoginState) => logins.state(state.id, state.sequence, 5_000, forever.signal);
  return { ...test, box, start, next };
}

/** Keeps the script's end back until a test lets it go. */
function heldBack(box: Box) {
  const gate = Promise.withResolvers<void>();
  box.onScripted = ({ signal }) => {
    signal.addEventListener("abort", () => gate.reject(signal.reason), { once: true });
    return gate.promise;
  };
  return gate;
}

describe("a login", () => {
  it("shows its codes as they come, each with a higher number, and ends in the account", async () => {
    const world = await open();
    world.box.script = [qr("first"), qr("second", "refreshed")];
    const gate = heldBack(world.box);
    const state = await world.start();
    await expect.poll(() => world.next({ ...state, sequence: -1 })).toMatchObject({ step: qr("second", "refreshed") });
    const shown = await world.next({ ...state, sequence: -1 });
    expect(shown).toMatchObject({ status: "running", kind: "box", flow: "script" });
    gate.resolve();
    const done = await world.next(shown);
    expect(done.sequence).toBeGreaterThan(shown.sequence);
    expect(done).toMatchObject({ status: "done", result: { account: { name: "ann", loginRequired: false } } });
    expect(done).not.toHaveProperty("step");
    expect(world.accounts.list()).toEqual([done.result?.account]);
  });

  it("asks for fields and a code, refuses an answer that does not fit, and hands the others on", async () => {
    const world = await open();
    const fields = z.object({ phone: z.string().min(3).meta({ title: "Phone", description: "Your number." }) });
    world.box.script = [
      { kind: "fields", fields },
      { kind: "code", sentTo: "…42" },
    ];
    const begun = await world.start();
    const asked = begun.step ? begun : await world.next(begun);
    expect(asked.step).toMatchObject({ kind: "fields", fields: [{ name: "phone", title: "Phone", required: true }] });
    const { logins } = world;
    expect(() => logins.answer(asked.id, { code: "1" })).toThrow(/asks for fields/);
    expect(() => logins.answer(asked.id, { fields: { phone: "1" } })).toThrow(/^phone: /);
    const answered = logins.answer(asked.id, { fields: { phone: "12345" } });
    const second = answered.step ? answered : await world.next(answered);
    expect(second.step).toEqual({ kind: "code", sentTo: "…42" });
    expect(() => logins.answer(asked.id, { code: "" })).toThrow(/asks for a code/);
    logins.answer(asked.id, { code: "0815" });
    expect(() => logins.answer(asked.id, { code: "0815" })).toThrow(/asks nothing now/);
    await expect.poll(() => world.next(second)).toMatchObject({ status: "done" });
    expect(world.box.answers).toEqual([{ fields: { phone: "12345" } }, { code: "0815" }]);
  });

  it("ends in what its flow failed with, and the account is not there", async () => {
    const world = await open();
    world.box.onScripted = () => {
      throw new StorageError("unauthenticated", "the phone said no", { reason: "refused" });
    };
    const state = await world.start();
    await expect
      .poll(() => world.next(state))
      .toMatchObject({
        status: "failed",
        error: { kind: "unauthenticated", reason: "refused", message: "the phone said no" },
      });
    expect(world.accounts.list()).toEqual([]);
  });

  it("says nothing of the inside when the flow has a bug", async () => {
    const world = await open();
    world.box.onScripted = () => {
      throw new TypeError("canary");
    };
    const state = await world.start();
    await expect.poll(() => world.next(state)).toMatchObject({ status: "failed", error: { kind: "internal" } });
    expect(JSON.stringify(await world.next(state))).not.toContain("canary");
  });

  it("shows what its flow failed with, but no secret of the addresses in it", async () => {
    const world = await open();
    world.box.onScripted = () => {
      throw new StorageError("upstream", "GET https://box.example/login?token=canary was refused");
    };
    const state = await world.start();
    await expect
      .poll(() => world.next(state))
      .toMatchObject({ error: { kind: "upstream", message: "GET https://box.example/login?… was refused" } });
  });

  it("is cancelled at once, even where the flow does not listen", async () => {
    const world = await open();
    world.box.onScripted = () => new Promise(() => {});
    const state = await world.start();
    const waiting = world.logins.state(state.id, state.sequence + 5, 5_000, forever.signal);
    world.logins.cancel(state.id);
    expect(await world.next(state)).toMatchObject({ status: "failed", error: { reason: "cancelled" } });
    expect(await waiting).toMatchObject({ status: "failed" });
    world.logins.cancel(state.id);
    expect(() => world.logins.cancel(state.id)).toThrow(expect.objectContaining({ kind: "not-found" }));
  });

  it("ends after five minutes in which somebody asked about it (architecture.md §3)", async () => {
    const clock = new FakeClock();
    const world = await open(createBox(), clock);
    heldBack(world.box);
    const state = await world.start();
    expect(state.expiresAt - clock.now()).toBe(5 * MINUTE);
    for (let i = 0; i < 9; i++) {
      await clock.advance(30 * SECOND);
      expect(await world.logins.state(state.id, -1, 0, forever.signal)).toMatchObject({ status: "running" });
    }
    await clock.advance(31 * SECOND);
    await expect
      .poll(() => world.logins.state(state.id, -1, 0, forever.signal))
      .toMatchObject({ status: "failed", error: { kind: "unauthenticated", reason: "expired" } });
  });

  it("ends a minute after the last question about it", async () => {
    const clock = new FakeClock();
    const world = await open(createBox(), clock);
    heldBack(world.box);
    const state = await world.start();
    await clock.advance(MINUTE);
    await expect
      .poll(() => world.logins.state(state.id, -1, 0, forever.signal))
      .toMatchObject({ status: "failed", error: { reason: "cancelled" } });
  });

  it("answers a question without news after the time that was asked for, and leaves when the asker does", async () => {
    const world = await open();
    heldBack(world.box);
    const state = await world.start();
    expect(await world.logins.state(state.id, 99, 20, forever.signal)).toMatchObject({ status: "running" });
    const asker = new AbortController();
    const waiting = world.logins.state(state.id, 99, 20_000, asker.signal);
    asker.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
  });
});

describe("logins", () => {
  it("are refused with the name of what is wrong", async () => {
    const world = await open();
    await expect(world.start({ kind: "none" })).rejects.toThrow('kind: there is no account kind "none": there are box');
    await expect(world.start({ flow: "qr" })).rejects.toThrow('flow: Box has no "qr", but script, cookie');
    await expect(world.start({ flow: "cookie" })).rejects.toThrow(/^cookie: /);
    await expect(world.start({ accountId: 99 })).rejects.toMatchObject({ kind: "not-found" });
  });

  it("are at most ten at once", async () => {
    const world = await open();
    heldBack(world.box);
    for (let i = 0; i < 10; i++) await world.start();
    await expect(world.start()).rejects.toMatchObject({ kind: "rate-limited" });
  });

  it("of another user do not take an account over", async () => {
    const world = await open();
    const { id } = await world.accounts.add("box", { user: "bob", token: "t" }, forever);
    const state = await world.start({ accountId: id });
    await expect
      .poll(() => world.next(state))
      .toMatchObject({
        status: "failed",
        error: { kind: "invalid-config", message: "this is a login of ann, and the account is that of bob" },
      });
    expect(world.accounts.list().map(({ name }) => name)).toEqual(["bob"]);
  });

  it("end with the server", async () => {
    const world = await open();
    heldBack(world.box);
    const state = await world.start();
    const waiting = world.next(state);
    await world.logins.close();
    expect(await waiting).toMatchObject({ status: "failed", error: { kind: "unavailable" } });
  });
});
