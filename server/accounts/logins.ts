/** The logins under way: few, short, and only in this process. */
import type { AnyAccount, LoginAnswer } from "#drivers/contract/account.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Accounts, LoginRequest, LoginState, Logins } from "./api.ts";
import { invalidInput, LOGIN_MS, LoginSession, type SessionParts } from "./login-session.ts";

/** Logins that may run at once, and ended ones that are remembered. */
const MAX_RUNNING = 10;
const MAX_ENDED = 50;

/** Longest wait for news, in milliseconds: below what proxies take for a dead connection. */
const MAX_WAIT_MS = 30_000;

export interface LoginsParts extends SessionParts {
  readonly accounts: Pick<Accounts, "add" | "get">;
  definitionOf(kind: string): Promise<AnyAccount>;
}

export class RunningLogins implements Logins {
  readonly #parts: LoginsParts;
  readonly #sessions = new Map<string, LoginSession>();

  constructor(parts: LoginsParts) {
    this.#parts = parts;
  }

  async start(request: LoginRequest): Promise<LoginState> {
    const definition = await this.#parts.definitionOf(request.kind);
    const flow = definition.flows.find(({ id }) => id === request.flow);
    if (!flow) {
      const known = definition.flows.map(({ id }) => id).join(", ");
      throw new StorageError("invalid-config", `flow: ${definition.title} has no "${request.flow}", but ${known}`);
    }
    const input = flow.input.safeParse(request.input);
    if (!input.success) throw invalidInput(input.error);
    this.#checkAccount(request);
    this.#tidy();
    if (this.#running().length >= MAX_RUNNING) {
      throw new StorageError("rate-limited", "too many logins are under way: finish or cancel one");
    }
    const session = new LoginSession({ ...request, definition, running: flow, checkedInput: input.data }, this.#parts);
    this.#sessions.set(session.id, session);
    return session.state;
  }

  async state(id: string, after: number, waitMs: number, signal: AbortSignal): Promise<LoginState> {
    return this.#session(id).wait(after, Math.min(waitMs, MAX_WAIT_MS), signal);
  }

  answer(id: string, answer: LoginAnswer): LoginState {
    const session = this.#session(id);
    session.answer(answer);
    return session.state;
  }

  cancel(id: string): void {
    const session = this.#session(id);
    if (session.state.status !== "running") this.#sessions.delete(id);
    session.end(new StorageError("unauthenticated", "the login was cancelled", { reason: "cancelled" }));
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    for (const session of sessions) {
      session.end(new StorageError("unavailable", "the server ends: log in again when it is back"));
    }
    await Promise.all(sessions.map(({ ended }) => ended));
  }

  #running(): readonly LoginSession[] {
    return [...this.#sessions.values()].filter(({ state }) => state.status === "running");
  }

  #session(id: string): LoginSession {
    this.#tidy();
    const session = this.#sessions.get(id);
    if (session) return session;
    throw new StorageError("not-found", "there is no such login: it ended some time ago, or with the server");
  }

  #checkAccount({ accountId, kind }: LoginRequest): void {
    if (accountId === undefined) return;
    const account = this.#parts.accounts.get(accountId);
    if (!account) throw new StorageError("not-found", `there is no account ${accountId}`);
    if (account.kind === kind) return;
    throw new StorageError("invalid-config", `accountId: account ${accountId} is of kind ${account.kind}`);
  }

  /** What ended is remembered for the one who asks last, no longer than a login may take. */
  #tidy(): void {
    const now = this.#parts.clock.now();
    const ended = [...this.#sessions.values()].filter(({ state }) => state.status !== "running");
    const old = ended.filter(({ state }) => now > state.expiresAt + LOGIN_MS);
    for (const { id } of [...old, ...ended.slice(0, Math.max(0, ended.length - MAX_ENDED))]) this.#sessions.delete(id);
  }
}
