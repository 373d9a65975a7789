/** Replacements whose end failed while the mount is open: nobody is shown their directory before they have come to one. */
import { type ErrorKind, kindOf } from "#drivers/contract/errors.ts";
import type { CallOptions, Entry } from "#drivers/contract/mount.ts";
import type { Journal, Replacement } from "./journal.ts";

/** Stages in which the name leads to what it should, and only the other entry is too many. */
const HARMLESS: ReadonlySet<Replacement["stage"]> = new Set<Replacement["stage"]>(["uploading", "placed"]);

/** A storage that says no will go on saying it: its directory is shown as it is. */
const REFUSALS: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  "already-exists",
  "is-a-directory",
  "not-a-directory",
  "not-empty",
  "invalid-name",
  "permission-denied",
  "unsupported",
  "locked",
  "quota-exceeded",
]);

interface Left {
  readonly plan: Replacement;
  ending: Promise<void> | undefined;
}

export class Unfinished {
  readonly #journal: Journal;
  readonly #end: (plan: Replacement, o: CallOptions) => Promise<void>;
  readonly #left = new Map<number, Left>();

  /** `end` brings one replacement to an end that holds whole entries only, or throws. */
  constructor(journal: Journal, end: (plan: Replacement, o: CallOptions) => Promise<void>) {
    this.#journal = journal;
    this.#end = end;
  }

  /** Keeps a replacement, in which nobody is at work any more, until it has ended. */
  add(row: number, plan: Replacement): void {
    this.#left.set(row, { plan, ending: undefined });
  }

  /** Brings what is left in a directory to its end. Throws what the storage fails with where a listing would then miss an entry that is not gone. */
  async endIn(directory: Entry, o: CallOptions): Promise<void> {
    for (const [row, left] of this.#left) {
      if (left.plan.parent.id !== directory.id) continue;
      try {
        left.ending ??= this.#finish(row, left, o);
        await left.ending;
      } catch (error) {
        const kind = kindOf(error);
        if (!HARMLESS.has(left.plan.stage) && !(kind && REFUSALS.has(kind))) throw error;
      }
    }
  }

  async #finish(row: number, left: Left, o: CallOptions): Promise<void> {
    try {
      await this.#end(left.plan, o);
    } catch (error) {
      left.ending = undefined;
      // The directory is gone, and with it all that there was to finish.
      if (kindOf(error) !== "not-found") throw error;
    }
    this.#left.delete(row);
    await this.#journal.remove(row);
  }
}
