/** What a command reads from and prints to. */
import type { Readable, Writable } from "node:stream";

/** The process's ends, handed in so that tests need no process. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/** Prints, and waits while the reader is slow. Rejects with EPIPE when the reader has gone. */
export function print(out: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    out.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** True where the reader of our output has left, as `head` does: no failure, nothing more to say. */
export function isClosedPipe(error: unknown): boolean {
  return (error as { code?: string } | undefined)?.code === "EPIPE";
}

/** One line that can neither move the cursor nor pretend to be two. */
export function oneLine(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]+/g, " ").trim();
}
