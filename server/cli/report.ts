/** The line and the exit code of a command that failed. */
import { ZodError } from "zod";
import type { ErrorKind } from "#drivers/contract/errors.ts";
import { UsageError } from "../config.ts";
import { ERROR_FORMS } from "../http/errors.ts";
import { Refused } from "./client.ts";
import { isClosedPipe, oneLine } from "./terminal.ts";

export const EXIT = { done: 0, failed: 1, wrongUse: 2, loginRequired: 3, notFound: 4, interrupted: 130 } as const;

/** Stands for Ctrl-C and SIGTERM: the reason that a command's signal aborts with. */
export class Interrupted extends Error {
  constructor() {
    super("interrupted");
    this.name = "Interrupted";
  }
}

export interface Failure {
  readonly exitCode: number;
  /** Without the program's name; absent where nothing is to be said. */
  readonly message?: string;
}

/** A failure about a path or another subject of the command, such as `/x: no such file or directory`. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}

/** Never throws, whatever was thrown. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Interrupted) return { exitCode: EXIT.interrupted };
  if (isClosedPipe(error)) return { exitCode: EXIT.done };
  if (error instanceof CommandError) return { exitCode: error.exitCode, message: oneLine(error.message) };
  if (error instanceof UsageError) return { exitCode: EXIT.wrongUse, message: oneLine(error.message) };
  if (error instanceof Refused) return { exitCode: exitCodeOf(error.kind), message: oneLine(error.message) };
  if (error instanceof ZodError)
    return { exitCode: EXIT.failed, message: "the server's answer is not understood: it may be of another version" };
  return { exitCode: EXIT.failed, message: oneLine(error instanceof Error ? error.message : String(error)) };
}

/** The same failure, said about a subject. */
export function about(subject: string, error: unknown): unknown {
  if (!(error instanceof Refused)) return error;
  const words = (error.kind && WORDS[error.kind]) ?? error.message;
  return new CommandError(exitCodeOf(error.kind), `${subject}: ${words}`, error);
}

/** As coreutils say it. */
const WORDS: Partial<Record<ErrorKind, string>> = {
  "not-found": "no such file or directory",
  "not-a-directory": "not a directory",
  "is-a-directory": "is a directory",
};

function exitCodeOf(kind: ErrorKind | undefined): number {
  return kind ? ERROR_FORMS[kind].exit : EXIT.failed;
}
