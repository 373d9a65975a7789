/** The innermost layer, and the only one that may add a method: gives a mount what follows from what it has. */
import type { Dispatcher } from "undici";
import type { Mount } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import type { Journal } from "./journal.ts";
import { around, type Layer } from "./layer.ts";
import { readThroughLink } from "./link-read.ts";
import { withReplace } from "./replace.ts";

export interface CompleteOptions {
  readonly traits: Traits;
  /** Where replacements in progress are written down. */
  readonly journal: Journal;
  /** The mount's dispatcher for bytes, asked for when the first link is read. */
  readonly bytes: () => Dispatcher;
  /** `n` random bytes. */
  random(n: number): Uint8Array;
}

/** Derives `read` where a driver has only `link`, and does `replace` beside the old file where the trait says `emulated`. Adds nothing else. */
export function complete(options: CompleteOptions): Layer {
  return (inner) => {
    const link = inner.link?.bind(inner);
    const readable: Mount =
      link && !inner.read ? { ...around(inner, {}), read: readThroughLink(link, options.bytes) } : inner;
    return options.traits.replace === "emulated" ? withReplace(readable, options) : readable;
  };
}
