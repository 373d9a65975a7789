/** The only layer that may add a method: gives a mount what follows from what it has. */
import type { Mount } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { exactRead } from "./exact-read.ts";
import type { Journal } from "./journal.ts";
import { around, type Layer } from "./layer.ts";
import { type LinkReadOptions, readThroughLink } from "./link-read.ts";
import { withReplace } from "./replace.ts";

export interface CompleteOptions extends Omit<LinkReadOptions, "maxConnections"> {
  readonly traits: Traits;
  /** Where replacements in progress are written down. */
  readonly journal: Journal;
}

/**
 * Derives `read` where a driver has only `link`, holds a driver's own to exactly what was asked for, and does `replace` beside the old file
 * where the trait says `emulated`. Adds nothing else.
 */
export function complete(options: CompleteOptions): Layer {
  return (inner) => {
    const { maxConnections } = options.traits;
    const linked = { ...options, ...(maxConnections !== undefined && { maxConnections }) };
    const read = inner.read
      ? exactRead(inner.read.bind(inner))
      : inner.link && readThroughLink(inner.link.bind(inner), linked);
    const readable: Mount = read ? { ...around(inner, {}), read } : inner;
    return options.traits.replace === "emulated" ? withReplace(readable, options) : readable;
  };
}
