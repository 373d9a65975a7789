/** The commands, their flags and their help: each line of the command line becomes one call of a function beside this file. */
import { Command, CommanderError } from "commander";
import { type Config, type Environment, type Flags, readConfig, UsageError } from "../config.ts";
import { cat } from "./cat.ts";
import { Client, type Reach } from "./client.ts";
import { ls } from "./ls.ts";
import { changePassword } from "./password.ts";
import { about, EXIT, toFailure } from "./report.ts";
import { stat } from "./stat.ts";
import { addStorage, changeStorage, listStorages, type StorageAction } from "./storage.ts";
import { oneLine, type Terminal } from "./terminal.ts";

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
  /** The server of a data folder; `mayCreate`: a folder without one becomes one. */
  reach(config: Config, mayCreate: boolean): Reach;
}

/** Runs one command line, without program and script name, and resolves to its exit code. Never rejects. */
export async function runProgram(args: readonly string[], o: ProgramOptions): Promise<number> {
  const run: Run = { exitCode: EXIT.done, verb: "" };
  const program = defineProgram(o, run);
  try {
    await program.parseAsync([...args], { from: "user" });
    return run.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    const { exitCode, message } = toFailure(o.signal.aborted ? o.signal.reason : toUsageError(error, run));
    if (message) o.terminal.stderr.write(`${["pandav", run.verb, message].filter(Boolean).join(": ")}\n`);
    return exitCode;
  }
}

/** What is known of the command while it runs. */
interface Run {
  exitCode: number;
  /** `ls`, `storage add`, …; empty before one is recognised. */
  verb: string;
}

function defineProgram(o: ProgramOptions, run: Run): Command {
  const { stdout } = o.terminal;

  function define(parent: Command, nameAndArguments: string, description: string): Command {
    const command = parent.command(nameAndArguments).description(description).allowExcessArguments(false);
    const verb = parent.parent ? parent.name() : "";
    command.exitOverride((error) => {
      run.verb = [verb, command.name()].filter(Boolean).join(" ");
      throw error;
    });
    command.hook("preAction", () => {
      run.verb = [verb, command.name()].filter(Boolean).join(" ");
    });
    return command;
  }
  const verb = (parent: Command, nameAndArguments: string, description: string) =>
    define(parent, nameAndArguments, description).option("--data <folder>", "data folder");
  const group = (name: string, description: string) => {
    const command = define(program, name, description).allowExcessArguments();
    return command.action(() => {
      const verbs = command.commands.map((one) => one.name()).join(", ");
      const [unknown] = command.args;
      const wrong = unknown === undefined ? "" : `there is no "${unknown}": `;
      throw new UsageError(`${wrong}name one of ${verbs} (pandav ${name} --help)`);
    });
  };
  /** Runs `use` with a client of the server that the flags name, and ends what it opened. */
  async function withClient(
    command: Command,
    mayCreate: boolean,
    use: (client: Client) => Promise<void>,
  ): Promise<void> {
    const client = new Client(o.reach(readConfig(command.optsWithGlobals<Flags>(), o.env), mayCreate), o.signal);
    try {
      await use(client);
    } finally {
      await client.close();
    }
  }
  const aboutPath = async (path: string, work: Promise<void>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      throw about(path, error);
    }
  };

  const program = new Command("pandav")
    .description("Cloud disks as one filesystem: WebDAV, an AList-compatible API and this command line.")
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: () => {}, outputError: () => {} })
    .showSuggestionAfterError(false)
    .exitOverride()
    .version(o.version, "--version", "show the version")
    .option("--data <folder>", "data folder (PANDAV_DATA; else ./data where it is one, else the user's)")
    .allowExcessArguments()
    .action(() => {
      const [unknown] = program.args;
      const wrong = unknown === undefined ? "name a command" : `there is no command "${unknown}"`;
      throw new UsageError(`${wrong} (pandav --help)`);
    });

  verb(program, "serve", "Serve WebDAV and the API until stopped.")
    .option(
      "--host <address>",
      "address to listen on (PANDAV_HOST; default 127.0.0.1; 0.0.0.0 opens it to other machines)",
    )
    .option("--port <number>", "port to listen on (PANDAV_PORT; default 5244; 0 takes any free one)")
    .action(async (_options, command: Command) => {
      run.exitCode = await o.serve(readConfig(command.optsWithGlobals<Flags>(), o.env));
    });

  verb(program, "ls [path]", "List a directory.")
    .option("-l, --long", "with kind, size in bytes and time")
    .option("-a, --all", "with names that begin with a dot")
    .option("--json", "one JSON object per line")
    .action((path = "/", options, command) =>
      aboutPath(
        path,
        withClient(command, false, (client) => ls(client, path, options, stdout)),
      ),
    );

  verb(program, "cat <path>", "Print a file.").action((path, _options, command) =>
    aboutPath(
      path,
      withClient(command, false, (client) => cat(client, path, stdout)),
    ),
  );

  verb(program, "stat <path>", "Show what is known of a file or directory.")
    .option("--json", "as JSON")
    .action((path, options, command) =>
      aboutPath(
        path,
        withClient(command, false, (client) => stat(client, path, options.json === true, stdout)),
      ),
    );

  const storage = group("storage", "What is mounted where.");
  verb(storage, "list", "Show the storages and how they are.")
    .option("--json", "one JSON object per line")
    .action((options, command) =>
      withClient(command, false, (client) => listStorages(client, options.json === true, stdout)),
    );
  verb(storage, "add <mount-path> <driver>", "Mount a storage.")
    .option(
      "--set <key=value>",
      "a setting of the driver (repeatable)",
      (text: string, before: string[]) => [...before, text],
      [],
    )
    .option("--remark <text>", "a note of yours")
    .action((mountPath, driver, options, command) =>
      withClient(command, true, (client) => addStorage(client, mountPath, driver, options)),
    );
  const changes: [StorageAction, string][] = [
    ["remove", "Forget a storage; what it holds stays where it is."],
    ["enable", "Mount a disabled storage again."],
    ["disable", "Unmount a storage and keep its settings."],
  ];
  for (const [action, description] of changes) {
    verb(storage, `${action} <mount-path>`, description).action((mountPath, _options, command) =>
      withClient(command, false, (client) => changeStorage(client, action, mountPath)),
    );
  }

  const user = group("user", "Who may use the server.");
  verb(user, "passwd [name]", "Change a password: typed twice, or one line of standard input.")
    .option("--random", "make one up and print it")
    .action((name = "admin", options, command) =>
      withClient(command, true, (client) =>
        changePassword(client, name, options.random ? o.makePassword() : undefined, o.terminal, o.signal),
      ),
    );
  return program;
}

/** Commander's complaint as one line of ours that ends in where to read more. */
function toUsageError(error: unknown, run: Run): unknown {
  if (!(error instanceof CommanderError)) return error;
  const help = ["pandav", run.verb, "--help"].filter(Boolean).join(" ");
  return new UsageError(oneLine(`${error.message.replace(/^error: /, "")} (${help})`));
}
