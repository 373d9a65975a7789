/** The innermost layer, and the only one that may add a method: gives a mount what follows from what it has. */
import type { Dispatcher } from "undici";
import type { Mount } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { exactRead } from "./exact-read.ts";
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

/**
 * Derives `read` where a driver has only `link`, holds a driver's own to exactly what was asked for, and does `replace` beside the old file
 * where the trait says `emulated`. Adds nothing else.
 */
export function complete(options: CompleteOptions): Layer {
  return (inner) => {
    const read = inner.read
      ? exactRead(inner.read.bind(inner))
      : inner.link && readThroughLink(inner.link.bind(inner), options.bytes);
    const readable: Mount = read ? { ...around(inner, {}), read } : inner;
    return options.traits.replace === "emulated" ? withReplace(readable, options) : readable;
  };
}
