/** What a login shows: its code and address on standard output, what goes on on standard error. */
import { writeFile } from "node:fs/promises";
import type { Writable } from "node:stream";
import type { StepReply } from "./account-wire.ts";
import { inBlackOnWhite, qrLines, qrPng } from "./qr-code.ts";
import { oneLine, print, type Terminal } from "./terminal.ts";

type QrStep = Extract<StepReply, { kind: "qr" }>;

export interface ScreenOptions {
  /** Writes the code into this file instead of the terminal. */
  readonly png?: string;
  /** Shows addresses alone. */
  readonly urlOnly?: boolean;
}

/** A stream that may be a terminal. */
type Screen = Writable & { readonly isTTY?: boolean; readonly columns?: number };

export class LoginScreen {
  readonly #out: Screen;
  readonly #err: Writable;
  readonly #o: ScreenOptions;
  #shown: string | undefined;
  /** Lines from the code's first on, so that the next code can take its place. */
  #lines = 0;

  constructor({ stdout, stderr }: Terminal, o: ScreenOptions) {
    this.#out = stdout;
    this.#err = stderr;
    this.#o = o;
  }

  /** Shows a step; a new code takes the place of the old one. */
  async show(step: QrStep): Promise<void> {
    if (step.content !== this.#shown) {
      const isFirst = this.#shown === undefined;
      this.#shown = step.content;
      await this.#showCode(step);
      if (isFirst) await this.say("Waiting for the login to be confirmed. The code is renewed by itself.");
    }
    if (step.state === "scanned") await this.say("The code was scanned: confirm the login on the phone.");
  }

  /** A line about what goes on. */
  async say(text: string): Promise<void> {
    await print(this.#err, `${oneLine(text)}\n`);
    if (this.#lines > 0) this.#lines += 1;
  }

  async #showCode(step: QrStep): Promise<void> {
    const url = oneLine(step.url ?? step.content);
    if (this.#o.png !== undefined) {
      await writeFile(this.#o.png, await qrPng(step.content), { mode: 0o600 });
      await this.say(`The code is in ${this.#o.png}.`);
    }
    const { isTTY, columns = 80 } = this.#out;
    const code = this.#o.urlOnly || this.#o.png !== undefined ? [] : await qrLines(step.content);
    const width = code[0]?.length ?? 0;
    const fits = !isTTY || width <= columns;
    if (!fits) await this.say(`The terminal has fewer than ${width} columns: open the address, or use --png.`);
    const drawn = !fits ? [] : isTTY ? inBlackOnWhite(code) : code;
    const address = drawn.length > 0 ? `Scan the code, or open ${url}` : url;
    const again = isTTY && this.#lines > 0 ? `\x1b[${this.#lines}A\x1b[J` : "";
    await print(this.#out, `${again}${[...drawn, address].join("\n")}\n`);
    this.#lines = isTTY && drawn.length > 0 ? drawn.length + Math.ceil(address.length / columns) : 0;
  }
}
