/** One login under way: a flow that runs, what it shows, and what it was answered. */
import { randomBytes } from "node:crypto";
import type { z } from "zod";
import type { AnyAccount, LoginAnswer, LoginFlow, LoginStep } from "#drivers/contract/account.ts";
import { describeConfig } from "#drivers/contract/config.ts";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { orAbort } from "../layers/waiting.ts";
import { withoutSecrets } from "../upstream/redact.ts";
import type { Accounts, LoginFailure, LoginRequest, LoginState, LoginStepShown } from "./api.ts";
import type { Environments } from "./environments.ts";

/** How long a login may take, in milliseconds (architecture.md §3). */
export const LOGIN_MS = 5 * 60_000;

/** A login that nobody asks about is over so long after the last question, in milliseconds: whoever began it has left. */
const ABANDONED_MS = 60_000;

/** Longest code that a person is asked to type, in UTF-16 units. */
const MAX_CODE = 200;

export interface SessionParts {
  readonly accounts: Pick<Accounts, "add">;
  readonly environments: Environments;
  readonly clock: Clock;
  readonly log: Log;
}

export interface SessionRequest extends LoginRequest {
  readonly definition: AnyAccount;
  /** What the flow's schema made of `input`. */
  readonly checkedInput: unknown;
  // biome-ignore lint/suspicious/noExplicitAny: the input was checked by this flow's own schema
  readonly running: LoginFlow<any, any>;
}

type Changes = Partial<Pick<LoginState, "step" | "status" | "result" | "error">>;

export class LoginSession {
  readonly id = randomBytes(16).toString("hex");
  readonly #parts: SessionParts;
  readonly #request: SessionRequest;
  readonly #ending = new AbortController();
  /** What is asked now, with its schema. */
  #asked: LoginStep | undefined;
  #answered: PromiseWithResolvers<LoginAnswer> | undefined;
  #changed = Promise.withResolvers<void>();
  #state: LoginState;
  #askedAt: number;
  #waiters = 0;
  readonly ended: Promise<void>;

  constructor(request: SessionRequest, parts: SessionParts) {
    this.#parts = parts;
    this.#request = request;
    this.#askedAt = parts.clock.now();
    this.#state = {
      id: this.id,
      kind: request.kind,
      flow: request.flow,
      sequence: 0,
      status: "running",
      expiresAt: parts.clock.now() + LOGIN_MS,
    };
    this.ended = this.#run();
  }

  get state(): LoginState {
    return this.#state;
  }

  /** The state once its sequence number is above `after`, or after `waitMs`. Throws the signal's reason. */
  async wait(after: number, waitMs: number, signal: AbortSignal): Promise<LoginState> {
    this.#askedAt = this.#parts.clock.now();
    if (this.#state.sequence > after || this.#state.status !== "running" || waitMs <= 0) return this.#state;
    const over = new AbortController();
    this.#waiters++;
    try {
      const slept = this.#parts.clock.sleep(waitMs, over.signal).catch(() => {});
      await orAbort(Promise.race([this.#changed.promise, slept]), signal);
      return this.#state;
    } finally {
      over.abort();
      this.#waiters--;
      this.#askedAt = this.#parts.clock.now();
    }
  }

  answer(answer: LoginAnswer): void {
    const asked = this.#asked;
    if (!this.#answered || asked?.kind === undefined || asked.kind === "qr") {
      throw new StorageError("invalid-config", "this login asks nothing now: see its state");
    }
    this.#answered.resolve(checkAnswer(asked, answer));
    this.#answered = undefined;
    this.#asked = undefined;
    this.#change({ step: undefined });
  }

  /** Ends it with that reason; one that has ended stays as it is. */
  end(reason: StorageError): void {
    this.#ending.abort(reason);
  }

  async #run(): Promise<void> {
    const { log } = this.#parts;
    const { signal } = this.#ending;
    this.#watchTime(signal).catch(() => {}); // the login ended first
    try {
      const result = await this.#logIn(signal);
      this.#change({ status: "done", result, step: undefined });
    } catch (error) {
      if (!(error instanceof StorageError)) log.warn({ err: error, kind: this.#request.kind }, "a login failed");
      this.#change({ status: "failed", error: toFailure(error), step: undefined });
    } finally {
      this.#ending.abort(); // the clock need not run on
    }
  }

  /** Ends a login that takes too long, or that nobody asks about any more. */
  async #watchTime(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      const now = clock.now();
      const abandonedAt = this.#waiters > 0 ? Number.POSITIVE_INFINITY : this.#askedAt + ABANDONED_MS;
      if (now >= this.#state.expiresAt) {
        this.end(new StorageError("unauthenticated", "nobody finished the login in time", { reason: "expired" }));
        return;
      }
      if (now >= abandonedAt) {
        this.end(new StorageError("unauthenticated", "nobody asks about the login any more", { reason: "cancelled" }));
        return;
      }
      await clock.sleep(Math.min(this.#state.expiresAt - now, ABANDONED_MS), signal);
    }
  }

  async #logIn(signal: AbortSignal) {
    const { definition, kind, accountId, finish } = this.#request;
    const env = this.#parts.environments.forLogin(definition);
    try {
      const credential = await this.#follow(env, signal);
      const more = accountId === undefined ? {} : { accountId };
      const account = await this.#parts.accounts.add(kind, credential, { signal, ...more });
      return await orAbort(finish(account, { signal }), signal);
    } finally {
      await env.close();
    }
  }

  /** Takes the flow from step to step, to its credential. */
  async #follow(env: Parameters<LoginFlow<unknown>["run"]>[1], signal: AbortSignal): Promise<unknown> {
    const steps = this.#request.running.run(this.#request.checkedInput, env, { signal });
    let answer: LoginAnswer | undefined;
    try {
      for (;;) {
        const next = await orAbort(steps.next(answer), signal);
        if (next.done) return next.value;
        answer = await this.#take(next.value, signal);
      }
    } finally {
      // Not waited for: a flow that does not listen to its signal may never come back.
      steps.return(undefined as never).catch(() => {});
    }
  }

  async #take(step: LoginStep, signal: AbortSignal): Promise<LoginAnswer | undefined> {
    this.#asked = step;
    if (step.kind === "qr") {
      this.#change({ step: toShown(step) });
      return undefined;
    }
    this.#answered = Promise.withResolvers<LoginAnswer>();
    const { promise } = this.#answered;
    this.#change({ step: toShown(step) });
    return orAbort(promise, signal);
  }

  #change(changes: { readonly [K in keyof Changes]: Changes[K] | undefined }): void {
    const { step: _step, ...rest } = this.#state;
    const merged = { ...("step" in changes ? rest : this.#state), ...changes, sequence: this.#state.sequence + 1 };
    this.#state = Object.fromEntries(
      Object.entries(merged).filter(([, value]) => value !== undefined),
    ) as unknown as LoginState;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

function toShown(step: LoginStep): LoginStepShown {
  return step.kind === "fields" ? { kind: "fields", fields: describeConfig(step.fields) } : step;
}

/** Throws `invalid-config`, naming the field. */
function checkAnswer(asked: LoginStep, answer: LoginAnswer): LoginAnswer {
  if (asked.kind === "code") {
    if ("code" in answer && answer.code.length > 0 && answer.code.length <= MAX_CODE) return answer;
    throw new StorageError("invalid-config", "code: this login asks for a code");
  }
  if (asked.kind !== "fields" || !("fields" in answer)) {
    throw new StorageError("invalid-config", "fields: this login asks for fields");
  }
  const parsed = asked.fields.safeParse(answer.fields);
  if (parsed.success) return { fields: parsed.data as never };
  throw invalidInput(parsed.error);
}

/** The complaint of a schema about what a person entered, as `invalid-config` that names the field and quotes nothing. */
export function invalidInput(error: z.ZodError): StorageError {
  const problems = error.issues.map((issue) => `${issue.path.join(".") || "input"}: ${issue.message}`);
  return new StorageError("invalid-config", problems.join("; "));
}

function toFailure(error: unknown): LoginFailure {
  if (!(error instanceof StorageError)) return { kind: "internal", message: "internal error (see the log)" };
  return { kind: error.kind, message: withoutSecrets(error.message), ...(error.reason && { reason: error.reason }) };
}
