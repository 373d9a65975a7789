/** One account: its credential, its health, and the one renewal that may run at a time. */
import { isDeepStrictEqual } from "node:util";
import type { Updateable } from "kysely";
import type { AccountHandle, AnyAccount, Health } from "#drivers/contract/account.ts";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions } from "#drivers/contract/mount.ts";
import { orAbort } from "../layers/waiting.ts";
import type { NoticeState, Notifier } from "../notify/notifier.ts";
import type { AccountTable } from "../store/tables/accounts.ts";
import type { OwnedDriverEnv } from "../upstream/env.ts";
import { DEFAULT_RATE, type Pacer } from "../upstream/pacer.ts";
import type { AccountInfo, MountAccount } from "./api.ts";
import { mergeRenewed, withPatch } from "./credential.ts";
import { deadline } from "./deadline.ts";
import type { Environments } from "./environments.ts";
import { columnsOf, expiredBy, healthOf, isOver, loginRequired, noticeOf, unreadable } from "./health.ts";
import type { AccountRow, AccountRows } from "./rows.ts";
import type { Vault } from "./vault.ts";

/** Longest that a renewal may take, in milliseconds: callers wait for it. */
const RENEW_WITHIN_MS = 60_000;

/** What all accounts stand on. */
export interface AccountParts {
  readonly rows: AccountRows;
  readonly vault: Vault;
  readonly environments: Environments;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly log: Log;
  /** Throws `invalid-config` where there is none. */
  definitionOf(kind: string): Promise<AnyAccount>;
  /** Called when an account can be used again. */
  recovered(id: number): void;
}

interface Opened {
  readonly definition: AnyAccount;
  readonly pacer: Pacer;
  readonly env: OwnedDriverEnv;
}

export class Account {
  readonly #parts: AccountParts;
  readonly #closing = new AbortController();
  #row: AccountRow;
  #opened: Promise<Opened> | undefined;
  /** Read from the vault when it is first needed. */
  #credential: { readonly value: unknown } | undefined;
  /** Why the stored credential cannot be read. */
  #unreadable: StorageError | undefined;
  #renewing: Promise<unknown> | undefined;
  /** Grows with every login and logout: what was begun before counts no more. */
  #login = 0;
  #lastWrite: Promise<unknown> = Promise.resolve();
  #told: NoticeState | undefined;

  constructor(row: AccountRow, parts: AccountParts) {
    this.#row = row;
    this.#parts = parts;
  }

  get info(): AccountInfo {
    const { id, kind, user_id, name, rate, created_at, modified_at } = this.#row;
    return {
      id,
      kind,
      userId: user_id,
      name,
      health: this.#health,
      loginRequired: this.#isOver,
      ...(rate !== null && { rate }),
      createdAt: created_at,
      modifiedAt: modified_at,
    };
  }

  async forMount(): Promise<MountAccount> {
    const { pacer } = await this.#open();
    const handle: AccountHandle<unknown> = {
      userId: this.#row.user_id,
      get: () => this.get(),
      renew: (failed) => this.renew(failed),
      update: (patch) => this.update(patch as Readonly<Record<string, unknown>>),
    };
    return { handle, pacer, demandLogin: () => this.demandLogin() };
  }

  /** Throws `unauthenticated`, reason `expired`, while only a person can help. */
  demandLogin(): void {
    if (this.#unreadable) throw this.#unreadable;
    if (this.#isOver) throw loginRequired(this.#row);
  }

  /** The credential. Throws as `demandLogin`. */
  async get(): Promise<unknown> {
    this.demandLogin();
    return this.#read();
  }

  /** A credential other than the one that failed. Throws `unauthenticated` when only a person can help, else what the service failed with. */
  async renew(failed: unknown): Promise<unknown> {
    const now = await this.get();
    return isDeepStrictEqual(now, failed) ? this.#renewOnce() : now;
  }

  /** Keeps what rotated; after a logout nothing is kept. */
  async update(patch: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.#row.credential === null) return;
    await this.#read();
    const login = this.#login;
    await this.#serially(async () => {
      if (login !== this.#login || !this.#credential) return;
      const patched = withPatch(this.#credential.value, patch);
      if (patched !== this.#credential.value) await this.#keep(patched);
    });
  }

  /** The credential of a new login. Whoever waits for the old one's renewal gets this one. */
  async adopt(credential: unknown, name: string): Promise<void> {
    this.#login++;
    await this.#serially(() => this.#keep(credential, { name, ...columnsOf({ state: "ok" }) }));
    this.#parts.recovered(this.#row.id);
  }

  async logOut(): Promise<void> {
    this.#login++;
    await this.#serially(async () => {
      await this.#write({ credential: null, ...columnsOf({ state: "expired" }) });
      this.#credential = undefined;
      this.#unreadable = undefined;
    });
  }

  /** Asks the service, renewing once where the login seems to be over. */
  async check(o: CallOptions): Promise<void> {
    if (this.#row.credential === null) return;
    const login = this.#login;
    let wasOver = this.#isOver;
    const { definition } = await this.#open();
    let health = await this.#ask(o);
    if (login !== this.#login) return;
    if (isOver(health) && definition.renew) {
      await orAbort(this.#renewOnce(), o.signal).catch((error: unknown) => {
        if (kindOf(error) !== "unauthenticated") throw error;
      });
      if (this.#isOver) return;
      wasOver = false; // the renewal has told
      health = await this.#ask(o);
      if (login !== this.#login) return;
    }
    await this.#become(health);
    if (wasOver && !this.#isOver) this.#parts.recovered(this.#row.id);
  }

  async setRate(rate: number | undefined): Promise<void> {
    await this.#serially(() => this.#write({ rate: rate ?? null }));
    const opened = await this.#opened;
    opened?.pacer.setRate(rate ?? opened.definition.budget?.perSecond ?? DEFAULT_RATE);
  }

  async close(): Promise<void> {
    this.#closing.abort(new StorageError("unavailable", `the account ${this.#row.name} is being closed`));
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.env.close();
    await this.#lastWrite;
  }

  get #health(): Health {
    return this.#unreadable ? { state: "expired" } : healthOf(this.#row);
  }

  get #isOver(): boolean {
    return this.#unreadable !== undefined || this.#row.credential === null || isOver(this.#health);
  }

  #open(): Promise<Opened> {
    this.#opened ??= this.#openOnce().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #openOnce(): Promise<Opened> {
    const { kind, id, rate } = this.#row;
    const { environments } = this.#parts;
    const definition = await this.#parts.definitionOf(kind);
    const pacer = environments.pacer(definition, rate ?? undefined);
    return { definition, pacer, env: environments.forAccount(`account ${id} (${kind})`, pacer) };
  }

  async #read(): Promise<unknown> {
    if (this.#credential) return this.#credential.value;
    const { definition } = await this.#open();
    const login = this.#login;
    try {
      const { credential } = this.#row;
      if (credential === null) throw loginRequired(this.#row);
      const value: unknown = definition.credential.parse(JSON.parse(this.#parts.vault.open(credential, this.#row)));
      this.#credential = { value };
      this.#unreadable = undefined;
      return value;
    } catch (error) {
      if (login !== this.#login || this.#row.credential === null) throw error;
      this.#unreadable = unreadable(this.#row, error);
      this.#tell();
      throw this.#unreadable;
    }
  }

  #renewOnce(): Promise<unknown> {
    this.#renewing ??= this.#renewNow().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renewNow(): Promise<unknown> {
    const before = await this.#read();
    const login = this.#login;
    try {
      const renewed = await this.#askForNew(before);
      return await this.#serially(async () => {
        if (login !== this.#login || !this.#credential) return this.get();
        const merged = mergeRenewed(before, renewed, this.#credential.value);
        const wasOver = this.#isOver;
        await this.#keep(merged, this.#row.health === "ok" ? {} : columnsOf({ state: "ok" }));
        if (wasOver) this.#parts.recovered(this.#row.id);
        return merged;
      });
    } catch (error) {
      if (login !== this.#login) return this.get();
      if (kindOf(error) !== "unauthenticated") throw error;
      await this.#become(expiredBy(error));
      this.demandLogin();
      throw error;
    }
  }

  async #askForNew(before: unknown): Promise<unknown> {
    const { definition, env } = await this.#open();
    if (!definition.renew) throw new StorageError("unauthenticated", "this kind of login cannot renew itself");
    const late = () => new StorageError("timeout", "the service did not renew the login in time", { retryable: true });
    const { signal, end } = deadline(RENEW_WITHIN_MS, late, this.#closing.signal);
    try {
      const renewed: unknown = await orAbort(definition.renew(before, env, { signal }), signal);
      return definition.credential.parse(renewed);
    } finally {
      end();
    }
  }

  async #ask(o: CallOptions): Promise<Health> {
    const { definition, env } = await this.#open();
    const signal = AbortSignal.any([o.signal, this.#closing.signal]);
    try {
      return await orAbort(definition.check(await this.#read(), env, { ...o, signal }), signal);
    } catch (error) {
      if (kindOf(error) === "unauthenticated") return expiredBy(error);
      throw error;
    }
  }

  async #become(health: Health): Promise<void> {
    const columns = columnsOf(health);
    if (Object.entries(columns).some(([name, value]) => this.#row[name as keyof typeof columns] !== value)) {
      // Known at once, whatever becomes of the write: nobody may go on calling.
      this.#row = { ...this.#row, ...columns };
      await this.#serially(() => this.#write(columns));
    }
    this.#tell();
  }

  /** Tells the owner how the account is, where that is another than was told last. */
  #tell(): void {
    const { id, kind, name } = this.#row;
    const { state, message } = noticeOf(this.#row, this.#isOver, this.#unreadable);
    if (state === this.#told) return;
    this.#told = state;
    this.#parts.notifier.notify({ subject: { kind: "account", id, accountKind: kind, name }, state, message });
  }

  async #keep(value: unknown, more: Updateable<AccountTable> = {}): Promise<void> {
    const credential = this.#parts.vault.seal(JSON.stringify(value), this.#row);
    await this.#write({ credential, modified_at: this.#parts.clock.now(), ...more });
    this.#credential = { value };
    this.#unreadable = undefined;
    this.#tell();
  }

  async #write(change: Updateable<AccountTable>): Promise<void> {
    await this.#parts.rows.update(this.#row.id, change);
    this.#row = { ...this.#row, ...(change as Partial<AccountRow>) };
  }

  /** One change after the other, so that none is made of what another is about to replace. */
  #serially<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#lastWrite.then(change);
    this.#lastWrite = done.catch(() => {});
    return done;
  }
}
