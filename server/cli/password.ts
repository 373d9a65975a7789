/** `pandav user passwd`: a new password for somebody. */
import { createInterface } from "node:readline";
import { z } from "zod";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { CommandError, EXIT, Interrupted } from "./report.ts";
import { print, type Terminal } from "./terminal.ts";

/** Adds `user`. */
export function addUser(define: Definer): void {
  const { terminal, signal, makePassword } = define.options;
  define
    .group("user", "Who may use the server.")
    .verb("passwd [name]", "Change a password: typed twice, or one line of standard input.")
    .option("--random", "make one up and print it")
    .action((name = "admin", options, command) =>
      define.withClient(
        command,
        (client) => changePassword(client, name, options.random ? makePassword() : undefined, terminal, signal),
        { mayCreate: true },
      ),
    );
}

/** Without `random` the password is asked for twice on a terminal, and is the first line of standard input otherwise. */
async function changePassword(
  client: Client,
  name: string,
  random: string | undefined,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const password = random ?? (await readPassword(name, terminal, signal));
  if (password === "") throw new CommandError(EXIT.failed, "the password is empty: type one, or use --random");
  await client.call({ method: "POST", path: "/api/pandav/user/password", body: { name, password } }, z.unknown());
  if (random !== undefined) await print(terminal.stdout, `${random}\n`);
}

async function readPassword(name: string, terminal: Terminal, signal: AbortSignal): Promise<string> {
  if (!terminal.stdin.isTTY) return readLine(terminal, signal);
  const first = await askHidden(`New password of ${name}: `, terminal, signal);
  const second = await askHidden("Again: ", terminal, signal);
  if (first !== second) throw new CommandError(EXIT.failed, "the two passwords differ: nothing was changed");
  return first;
}

async function readLine(terminal: Terminal, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: terminal.stdin, signal });
  try {
    for await (const line of lines) return line;
  } finally {
    lines.close();
  }
  signal.throwIfAborted();
  throw new CommandError(EXIT.failed, "no password on standard input: give it as a line, or use --random");
}

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const ERASE = new Set(["\u007f", "\b"]);
const ENTER = new Set(["\r", "\n"]);

/** Asks on a terminal, which shows nothing of what is typed. Rejects with Interrupted on Ctrl-C. */
export async function askHidden(question: string, { stdin, stderr }: Terminal, signal: AbortSignal): Promise<string> {
  await print(stderr, question);
  stdin.setRawMode?.(true);
  stdin.setEncoding("utf8");
  try {
    return await new Promise<string>((resolve, reject) => {
      let typed = "";
      const settle = (finish: () => void) => {
        stdin.off("data", onData).off("end", onEnd).pause();
        signal.removeEventListener("abort", onAbort);
        finish();
      };
      const onAbort = () => settle(() => reject(signal.reason));
      const onEnd = () => settle(() => reject(new Interrupted()));
      const onData = (text: string) => {
        for (const character of text) {
          if (ENTER.has(character)) return settle(() => resolve(typed));
          if (character === CTRL_C || character === CTRL_D) return settle(() => reject(new Interrupted()));
          typed = ERASE.has(character) ? [...typed].slice(0, -1).join("") : typed + character;
        }
      };
      signal.addEventListener("abort", onAbort, { once: true });
      stdin.on("data", onData).on("end", onEnd).resume();
    });
  } finally {
    stdin.setRawMode?.(false);
    await print(stderr, "\n");
  }
}
