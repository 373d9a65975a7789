/** Follows a login at the server from its beginning to its account. */
import { createInterface } from "node:readline/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import {
  type FailureReply,
  type FieldReply,
  type LoginReply,
  login,
  type ResultReply,
  type StepReply,
} from "./account-wire.ts";
import { type Client, Refused } from "./client.ts";
import type { LoginScreen } from "./login-screen.ts";
import { askHidden } from "./password.ts";
import { CommandError, EXIT } from "./report.ts";
import type { Terminal } from "./terminal.ts";

/** Longest wait for news in one call, in milliseconds. */
const POLL_MS = 20_000;

export interface LoginWish {
  readonly kind: string;
  readonly flow: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly mount?: unknown;
}

export interface RunParts {
  readonly client: Client;
  readonly screen: LoginScreen;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** How long to wait for a person. */
  readonly timeoutMs: number;
}

/** Logs in. Throws Refused with what the login failed with; CommandError, exit 3, when nobody came. */
export async function runLogin(wish: LoginWish, parts: RunParts): Promise<ResultReply> {
  const { client, timeoutMs } = parts;
  const endsAt = Date.now() + timeoutMs;
  let state = await client.call({ method: "POST", path: "/api/pandav/logins", body: wish }, login);
  const path = `/api/pandav/logins/${encodeURIComponent(state.id)}`;
  for (;;) {
    if (state.status === "done" && state.result) return state.result;
    if (state.status === "failed") throw refusedAs(state.error);
    if (state.step) state = (await showOrAnswer(state.step, path, parts)) ?? state;
    const left = endsAt - Date.now();
    if (left <= 0) {
      await client.call({ method: "DELETE", path }, z.unknown());
      throw new CommandError(EXIT.loginRequired, `nobody confirmed the login within ${timeoutMs / 1000} s: try again`);
    }
    const query = { after: state.sequence, waitMs: Math.min(left, POLL_MS) };
    state = await news(client, path, query, parts.signal);
  }
}

/** The state after the next change, or after a while. */
async function news(
  client: Client,
  path: string,
  query: { readonly after: number; readonly waitMs: number },
  signal: AbortSignal,
): Promise<LoginReply> {
  const asked = Date.now();
  const state = await client.call({ method: "GET", path, query }, login);
  // A server that answers at once with nothing new must not be asked in a circle.
  if (state.sequence <= query.after && Date.now() - asked < 500) await sleep(500, undefined, { signal });
  return state;
}

/** Shows what is to be shown; asks the person what is to be answered, and gives the state after the answer. */
async function showOrAnswer(step: StepReply, path: string, parts: RunParts): Promise<LoginReply | undefined> {
  if (step.kind === "qr") {
    await parts.screen.show(step);
    return undefined;
  }
  const body =
    step.kind === "code" ? { code: await askCode(step.sentTo, parts) } : { fields: await askFields(step, parts) };
  return parts.client.call({ method: "POST", path: `${path}/answer`, body }, login);
}

function askCode(sentTo: string | undefined, parts: RunParts): Promise<string> {
  return ask(sentTo === undefined ? "Code" : `Code sent to ${sentTo}`, false, parts);
}

async function askFields(
  step: Extract<StepReply, { kind: "fields" }>,
  parts: RunParts,
): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  for (const field of step.fields) {
    const answer = await ask(field.title, field.secret === true, parts);
    if (answer !== "" || field.required) answers[field.name] = answer;
  }
  return answers;
}

async function ask(what: string, isSecret: boolean, { terminal, signal }: RunParts): Promise<string> {
  const { stdin, stderr } = terminal;
  if (!stdin.isTTY) throw new CommandError(EXIT.loginRequired, `the login asks for "${what}": run it on a terminal`);
  if (isSecret) return askHidden(`${what}: `, terminal, signal);
  const lines = createInterface({ input: stdin, output: stderr, terminal: true });
  try {
    return await lines.question(`${what}: `, { signal });
  } finally {
    lines.close();
  }
}

/** The input of a flow that takes one secret, given on the command line. Throws CommandError where it takes more. */
export function inputOf(fields: readonly FieldReply[], value: string): Record<string, string> {
  const required = fields.filter((field) => field.required);
  const [only, ...others] = required.length > 0 ? required : fields;
  if (only && others.length === 0) return { [only.name]: value };
  throw new CommandError(EXIT.wrongUse, "this way to log in takes more than one value: use --flow");
}

/** The server's refusal inside a login, as of a call. */
export function refusedAs(error: FailureReply | undefined): Refused {
  const kind = error?.kind === "internal" ? undefined : error?.kind;
  return new Refused(error?.message ?? "the login failed", kind);
}
