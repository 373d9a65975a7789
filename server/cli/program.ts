/** From a command line to an exit code: recognises the command, runs it, and says what went wrong. */
import { Command, CommanderError } from "commander";
import { type Flags, readConfig, UsageError } from "../config.ts";
import { Client } from "./client.ts";
import { COMMANDS } from "./commands.ts";
import type { Definer, ProgramOptions, Verbs } from "./definer.ts";
import { withFindOptions } from "./find.ts";
import { remoteServer } from "./remote.ts";
import { EXIT, isAboutAll, toFailure } from "./report.ts";
import { oneLine } from "./terminal.ts";

/** Runs one command line, without program and script name, and resolves to its exit code. Never rejects. */
export async function runProgram(args: readonly string[], o: ProgramOptions): Promise<number> {
  const run: Run = { exitCode: EXIT.done, verb: "" };
  const program = defineProgram(o, run);
  try {
    await program.parseAsync([...withFindOptions(args)], { from: "user" });
    return run.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    const { exitCode, message } = toFailure(o.signal.aborted ? o.signal.reason : toUsageError(error, run));
    if (message) say(o, run, message);
    return exitCode;
  }
}

/** What is known of the command while it runs. */
interface Run {
  exitCode: number;
  /** `ls`, `storage add`, …; empty before one is recognised. */
  verb: string;
}

function say(o: ProgramOptions, run: Run, message: string): void {
  o.terminal.stderr.write(`${["pandav", run.verb, message].filter(Boolean).join(": ")}\n`);
}

function defineProgram(o: ProgramOptions, run: Run): Command {
  const { stdout } = o.terminal;
  const program = new Command("pandav")
    .description("Cloud disks as one filesystem: WebDAV, an AList-compatible API and this command line.")
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: () => {}, outputError: () => {} })
    .showSuggestionAfterError(false)
    .exitOverride()
    // `-h` is for human sizes.
    .helpOption("--help", "show this help")
    .helpCommand(false)
    .version(o.version, "--version", "show the version")
    .option("--data <folder>", "data folder (PANDAV_DATA; else ./data where it is one, else the user's)")
    .option(
      "--server <url>",
      "another machine's server (PANDAV_SERVER), as PANDAV_USER with PANDAV_PASSWORD, or with PANDAV_TOKEN",
    )
    .allowExcessArguments()
    .addHelpText("before", () => {
      const unknown = operandOf(program);
      if (unknown !== undefined) throw new UsageError(`there is no command "${unknown}" (pandav --help)`);
      return "";
    })
    .action(() => program.outputHelp());
  const definer = createDefiner(program, o, run);
  for (const add of COMMANDS) add(definer);
  return program;
}

function createDefiner(program: Command, o: ProgramOptions, run: Run): Definer {
  function define(parent: Command, nameAndArguments: string, description: string): Command {
    const command = parent.command(nameAndArguments).description(description).allowExcessArguments(false);
    const group = parent.parent ? parent.name() : "";
    const begin = () => {
      run.verb = [group, command.name()].filter(Boolean).join(" ");
    };
    command.exitOverride((error) => {
      begin();
      throw error;
    });
    // Before its options are read, which may refuse their values.
    parent.hook("preSubcommand", (_parent, chosen) => {
      if (chosen === command) begin();
    });
    return command;
  }
  const verbsOf = (parent: Command): Verbs => ({
    verb: (nameAndArguments, description) =>
      define(parent, nameAndArguments, description)
        .option("--data <folder>", "data folder")
        .option("--server <url>", "another machine's server"),
  });
  return {
    ...verbsOf(program),
    group(name, description) {
      const command = define(program, name, description).allowExcessArguments();
      const refuse = (): never => {
        const verbs = command.commands.map((one) => one.name()).join(", ");
        const unknown = operandOf(command);
        const wrong = unknown === undefined ? "" : `there is no "${unknown}": `;
        throw new UsageError(`${wrong}name one of ${verbs} (pandav ${name} --help)`);
      };
      command.action(refuse).addHelpText("before", () => (operandOf(command) === undefined ? "" : refuse()));
      return verbsOf(command);
    },
    async withClient(command, use, { mayCreate = false } = {}) {
      const flags = command.optsWithGlobals<Flags & { readonly server?: string }>();
      const remote = remoteServer(flags, o.env);
      const client = new Client(remote ?? o.reach(readConfig({ data: flags.data }, o.env), mayCreate), o.signal);
      try {
        await use(client);
      } finally {
        await client.close();
      }
    },
    complain(error) {
      if (o.signal.aborted) throw o.signal.reason;
      const { exitCode, message } = toFailure(error);
      if (exitCode === EXIT.done || exitCode === EXIT.interrupted || isAboutAll(error)) throw error;
      if (run.exitCode === EXIT.done) run.exitCode = exitCode;
      if (message) say(o, run, message);
    },
    exitWith(exitCode) {
      run.exitCode = exitCode;
    },
    options: o,
  };
}

/** The word in the place of a command that none has. */
function operandOf({ args: [first] }: Command): string | undefined {
  return first?.startsWith("-") ? undefined : first;
}

/** Commander's complaint as one line of ours that ends in where to read more. */
function toUsageError(error: unknown, run: Run): unknown {
  if (!(error instanceof CommanderError)) return error;
  const help = ["pandav", run.verb, "--help"].filter(Boolean).join(" ");
  return new UsageError(oneLine(`${error.message.replace(/^error: /, "")} (${help})`));
}
