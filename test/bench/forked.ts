/** Programs of ours that a bench runs beside itself and asks one thing at a time over Node's channel. */
import { fork } from "node:child_process";
import { once } from "node:events";

/** Longest that one question may take, in milliseconds. */
const ANSWER_WITHIN_MS = 10 * 60_000;
const STOP_WITHIN_MS = 10_000;

export interface Forked<Questions extends object> {
  readonly pid: number;
  /** Asks one thing. Throws what it failed with there. */
  ask<Q extends keyof Questions>(
    question: Q,
    ...args: Questions[Q] extends (...args: infer A) => unknown ? A : never
  ): Promise<Questions[Q] extends (...args: never[]) => infer R ? Awaited<R> : never>;
  /** Ends it; SIGKILL when it has not ended within 10 s. */
  stop(): Promise<void>;
}

interface Reply {
  readonly value?: unknown;
  readonly error?: string;
}

/** Starts a file of this folder whose answers `answerQuestions` gives. */
export function forkProgram<Questions extends object>(
  file: string,
  execArgv: readonly string[] = [],
): Forked<Questions> {
  const child = fork(new URL(file, import.meta.url), { execArgv: [...execArgv] });
  const ended = once(child, "exit").then(([code, signal]) => `${file} ended with ${code ?? signal}`);
  return {
    pid: child.pid ?? 0,
    async ask(question, ...args) {
      const timeout = AbortSignal.timeout(ANSWER_WITHIN_MS);
      const replied = once(child, "message", { signal: timeout }) as Promise<[Reply]>;
      child.send({ question, args });
      const end = ended.then((how) => Promise.reject(new Error(how)));
      const [{ value, error }] = await Promise.race([replied, end]);
      if (error !== undefined) throw new Error(`${file}, ${String(question)}: ${error}`);
      return value as never;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.disconnect();
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Answers what the bench asks, until it lets go; then `end` is awaited and the process ends. */
export function answerQuestions<Questions extends object>(questions: Questions, end: () => Promise<void>): void {
  process.on("message", async ({ question, args }: { question: keyof Questions; args: readonly unknown[] }) => {
    try {
      const answer = questions[question] as (...args: readonly unknown[]) => unknown;
      process.send?.({ value: await answer(...args) } satisfies Reply);
    } catch (error) {
      process.send?.({
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      } satisfies Reply);
    }
  });
  process.once("disconnect", () => void end().finally(() => process.exit()));
}
