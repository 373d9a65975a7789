/** When a write is answered (architecture.md §6). */
import type { Traits } from "#drivers/contract/traits.ts";
import type { WriteOptions, WriteSource } from "../resource.ts";
import type { Target } from "../sending.ts";

/** `through`: when it is stored and verified. `back`: when it is kept here durably. `auto`: `through`, but `back` where that takes long. */
export const REPLY_MODES = ["through", "back", "auto"] as const;
export type ReplyMode = (typeof REPLY_MODES)[number];

/** How long `auto` waits for the storage unless its owner says otherwise, in milliseconds: rclone gives up after five silent minutes. */
export const REPLY_WITHIN_MS = 60_000;

/** The mode of a storage whose owner has not chosen. */
export function defaultMode(traits: Pick<Traits, "upload">): ReplyMode {
  return traits.upload?.source === "seekable" ? "auto" : "through";
}

/** The mode of one write. What can be read again at its source is waited for by whoever sends it, and what would wait for nobody is stored at once. */
export function replyModeOf(
  { storage, existing, rawName }: Target,
  source: WriteSource,
  { answerEarly }: Pick<WriteOptions, "answerEarly">,
  accepts: boolean,
): ReplyMode {
  if (!accepts || "open" in source) return "through";
  // A name that tells one of several of its own apart is none that can be uploaded to.
  if (existing && existing.node.name !== storage.tree.toVisible(rawName)) return "through";
  return storage.writeMode === "auto" && answerEarly ? "back" : storage.writeMode;
}
