/** The line and the exit code of a command that failed. */
import { ZodError } from "zod";
import { type ErrorKind, StorageError } from "#drivers/contract/errors.ts";
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

/** The envelope's code where the server knows no login of ours (alist-api.md §3). */
const NO_LOGIN = 401;

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
  if (error instanceof Refused)
    return { exitCode: exitCodeOf(error), message: oneLine(error.message + remedyOf(error)) };
  if (error instanceof ZodError)
    return { exitCode: EXIT.failed, message: "the server's answer is not understood: it may be of another version" };
  return { exitCode: EXIT.failed, message: oneLine(error instanceof Error ? error.message : String(error)) };
}

/** True for what would be said again about every other subject: wrong use, no server, no login. */
export function isAboutAll(error: unknown): boolean {
  if (error instanceof Refused) return error.code === NO_LOGIN && error.kind === undefined;
  return error instanceof UsageError || error instanceof StorageError;
}

/** The same failure, said about a subject, in the one form of all commands: `cannot remove 'docs': Is a directory`. */
export function about(subject: string, error: unknown): unknown {
  // A login that is missing is not about a path.
  if (!(error instanceof Refused) || error.code === NO_LOGIN) return error;
  const words = (error.kind && (WORDS as Partial<Record<ErrorKind, string>>)[error.kind]) ?? error.message;
  return new CommandError(exitCodeOf(error), `${subject}: ${words}`, error);
}

/** What could not be done to a path, as it was typed: the subject of a failure. */
export function cannot(verb: string, path: string): string {
  return `cannot ${verb} '${path}'`;
}

/** As coreutils say it. */
export const WORDS = {
  "not-found": "No such file or directory",
  "not-a-directory": "Not a directory",
  "is-a-directory": "Is a directory",
  "already-exists": "File exists",
  "not-empty": "Directory not empty",
} as const satisfies Partial<Record<ErrorKind, string>>;

function exitCodeOf({ kind, code }: Refused): number {
  if (kind) return ERROR_FORMS[kind].exit;
  return code === NO_LOGIN ? EXIT.loginRequired : EXIT.failed;
}

function remedyOf({ kind, code }: Refused): string {
  return !kind && code === NO_LOGIN ? " (set PANDAV_USER and PANDAV_PASSWORD, or PANDAV_TOKEN)" : "";
}
