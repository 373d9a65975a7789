/** Comparing a download with what the storage says about it. */
import { createHash } from "node:crypto";
import type { HashName } from "#drivers/contract/mount.ts";
import { Crc64 } from "#drivers/kit/crc64.ts";
import { CommandError, EXIT } from "../report.ts";
import type { PartFile } from "./part-file.ts";

/** In the order in which they are chosen. */
const NAMES: readonly HashName[] = ["sha256", "sha1", "md5", "crc64"];

/** What came is not what the storage says: it is of no use. */
export class Damaged extends CommandError {
  constructor(shown: string, hash: string) {
    super(EXIT.failed, `'${shown}' came damaged: its ${hash} is not the one that the storage tells; nothing was kept`);
  }
}

/** A digest that is being computed. */
export interface Check {
  update(chunk: Buffer): void;
  /** Throws Damaged where the bytes are not what the storage says. */
  end(shown: string): void;
}

/** How to compare; undefined where the storage tells no hash. */
export function startCheck(hashes: Readonly<Record<string, string>> | undefined): Check | undefined {
  const name = NAMES.find((known) => hashes?.[known] !== undefined);
  if (!name) return undefined;
  const expected = hashes![name]!.toLowerCase();
  const hash = name === "crc64" ? new Crc64() : createHash(name);
  return {
    update: (chunk) => void hash.update(chunk),
    end(shown) {
      const actual = hash instanceof Crc64 ? hash.digest() : hash.digest("hex");
      if (actual === expected) return;
      throw new Damaged(shown, name);
    },
  };
}

/** Reads a part file from its beginning, behind what comes, so that little is left to read when all is there. */
export class Follower {
  readonly #part: PartFile;
  readonly #check: Check;
  #at = 0;
  #stopped = false;
  #reading: Promise<void> = Promise.resolve();

  constructor(part: PartFile, check: Check) {
    this.#part = part;
    this.#check = check;
    this.advance();
  }

  /** To be called when more is there. */
  advance(): void {
    this.#reading = this.#reading.then(() => this.#read());
    this.#reading.catch(() => {}); // told by `end`
  }

  /** Throws Damaged where the bytes are not what the storage says, and what reading them failed with. */
  async end(shown: string): Promise<void> {
    this.advance();
    await this.#reading;
    this.#check.end(shown);
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#reading.catch(() => {});
  }

  async #read(): Promise<void> {
    for await (const bytes of this.#part.read({ from: this.#at, to: this.#part.prefix })) {
      if (this.#stopped) return;
      this.#check.update(bytes);
      this.#at += bytes.length;
    }
  }
}
