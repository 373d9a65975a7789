/** Batches at services that take one entry at a time. */
import { StorageError } from "../contract/errors.ts";
import type { BatchOutcome, BatchResult, Entry } from "../contract/mount.ts";

/** Does one entry after the other. A StorageError is that entry's outcome; an abort and anything else ends the batch. */
export async function oneByOne(
  entries: readonly Entry[],
  signal: AbortSignal,
  act: (entry: Entry) => Promise<Entry | undefined>,
): Promise<BatchResult> {
  const outcomes: BatchOutcome[] = [];
  for (const entry of entries) {
    signal.throwIfAborted();
    try {
      const now = await act(entry);
      outcomes.push(now ? { entry: now } : {});
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StorageError)) throw error;
      outcomes.push({ error });
    }
  }
  return outcomes;
}
