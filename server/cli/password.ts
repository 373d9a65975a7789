/** Passwords that people choose: typed twice on a terminal, else a line of standard input. */
import { createInterface } from "node:readline";
import { CommandError, EXIT, Interrupted } from "./report.ts";
import { print, type Terminal } from "./terminal.ts";

/** A new password of a user: `random` where it is given, else asked for. Throws CommandError on an empty one and on two that differ. */
export async function newPassword(
  name: string,
  random: string | undefined,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<string> {
  const password = random ?? (await readPassword(name, terminal, signal));
  if (password === "") throw new CommandError(EXIT.failed, "the password is empty: type one, or use --random");
  return password;
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
