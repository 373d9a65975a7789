/** The little that a command's file sees of the program: how to add a command, and what a command works with. */
import type { Command } from "commander";
import type { Config, Environment } from "../config.ts";
import type { Client, Reach } from "./client.ts";
import type { Terminal } from "./terminal.ts";

export interface ProgramOptions {
  readonly terminal: Terminal;
  readonly env: Environment;
  readonly version: string;
  /** Aborts with Interrupted when the user gives up. */
  readonly signal: AbortSignal;
  /** A password that nobody can guess. */
  makePassword(): string;
  /** Serves until told to stop; resolves to the exit code. */
  serve(config: Config): Promise<number>;
  /** Brings a backup back into a data folder that nobody has. Throws StorageErrors whose message is one line for people. */
  restore(config: Config, file: string, passphrase: string): Promise<RestoreResult>;
  /** The server of a data folder; `mayCreate`: a folder without one becomes one. */
  reach(config: Config, mayCreate: boolean): Reach;
}

/** What was brought back, and where. */
export interface RestoreResult {
  /** Of Pandav that made the backup. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly dataDir: string;
  /** Where the old files are; absent where there were none. */
  readonly aside?: string;
}

/** Adds verbs: to the program, or to a group of it. A verb has `--data` and `--server`; its arguments follow commander's form (`"mv <path...>"`). */
export interface Verbs {
  verb(nameAndArguments: string, description: string): Command;
}

export interface ClientUse {
  /** A data folder that is none yet becomes one. Default false. */
  readonly mayCreate?: boolean;
}

/** What each file of a command exports a function of: `addLs(define)` adds `ls`. The list of them is `commands.ts`. */
export interface Definer extends Verbs {
  /** A word before other verbs, such as `storage`. */
  group(name: string, description: string): Verbs;
  /** Runs `use` with a client of the server that the flags name, and ends what it opened. */
  withClient(command: Command, use: (client: Client) => Promise<void>, o?: ClientUse): Promise<void>;
  /** Says what went wrong with one of several subjects, on standard error; the command goes on and ends with the exit code of the first such failure. Throws what is about no subject, and ends the command. */
  complain(error: unknown): void;
  /** The exit code of a command that did not fail, for `serve` and its like. */
  exitWith(exitCode: number): void;
  readonly options: ProgramOptions;
}

/** Adds the commands of one file. */
export type AddCommands = (define: Definer) => void;
