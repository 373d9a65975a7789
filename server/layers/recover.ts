/** Finishes or undoes the replacements that a crash cut off. */
import { kindOf } from "#drivers/contract/errors.ts";
import type { CallOptions, Entry, Mount } from "#drivers/contract/mount.ts";
import { fromRow, type Journal, type Replacement } from "./journal.ts";
import { namesakes, removeAll, renameTo } from "./replace-steps.ts";

/**
 * Brings every journalled replacement of a mount to one of its two ends: the old file whole, or the new one. Call it before anything else writes to the mount.
 * A row stays when the storage fails; the first such failure is thrown after all rows were tried.
 */
export async function recoverReplacements(mount: Mount, journal: Journal, o: CallOptions): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  for (const { id, state } of await journal.list()) {
    o.signal.throwIfAborted();
    try {
      await settle(mount, fromRow(state), o);
      await journal.remove(id);
    } catch (error) {
      if (o.signal.aborted) throw o.signal.reason;
      // The directory itself is gone, and with it all that there was to finish.
      if (kindOf(error) === "not-found") await journal.remove(id);
      else failure ??= { error };
    }
  }
  if (failure) throw failure.error;
}

/** Brings one replacement to an end that holds whole entries only. */
export async function settle(mount: Mount, plan: Replacement, o: CallOptions): Promise<void> {
  const { stage, parent, name, temporary, old } = plan;
  const beside = await namesakes(mount, parent, temporary, o);
  if (beside.length === 0) return;
  if (stage === "uploading") {
    await removeAll(mount, without(beside, old), o);
    // A service that stored the same content under the old id has only renamed the old file.
    for (const entry of only(beside, old)) await renameTo(mount, entry, parent, name, o);
    return;
  }
  if (stage === "placed") return removeAll(mount, beside, o);
  const present = await namesakes(mount, parent, name, o);
  if (stage === "swapping") {
    await removeAll(mount, only(present, old), o);
    // Whoever wrote the name since then is newer than what was cut off.
    if (without(present, old).length > 0) return removeAll(mount, beside, o);
    await renameTo(mount, beside.at(-1) as Entry, parent, name, o);
    return;
  }
  // Once every old entry stepped aside, whatever has the name is new, even under an old id (trait `ids: "path"`).
  const newcomers = beside.length >= old.length ? present : without(present, old);
  if (newcomers.length > 0 && stage === "moving") return removeAll(mount, beside, o);
  // Half a copy: its source still stands, so nothing is lost with it.
  await removeAll(mount, newcomers, o);
  for (const entry of beside) await renameTo(mount, entry, parent, name, o);
}

function only(entries: readonly Entry[], ids: readonly string[]): readonly Entry[] {
  return entries.filter((entry) => ids.includes(entry.id));
}

function without(entries: readonly Entry[], ids: readonly string[]): readonly Entry[] {
  return entries.filter((entry) => !ids.includes(entry.id));
}
