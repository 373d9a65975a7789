/** The end of what was opened: each part is waited for, but never longer than it was given. */
import type { Log } from "#drivers/contract/driver.ts";

/** A part that ends sooner when its signal aborts. */
export interface Closing {
  readonly name: string;
  readonly withinMs: number;
  close(signal: AbortSignal): Promise<void>;
}

/** A moment for the part to come back by itself after its signal. */
const GRACE_MS = 300;

/** Ends one after the other; a part that fails or does not end in time is logged, and the next one's turn comes. */
export async function closeInOrder(parts: readonly Closing[], log: Log): Promise<void> {
  for (const { name, withinMs, close } of parts) {
    try {
      await within(withinMs, close);
    } catch (error) {
      log.warn({ part: name, err: error }, "did not end as it should");
    }
  }
}

async function within(ms: number, close: (signal: AbortSignal) => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${ms} ms`)), ms + GRACE_MS);
  });
  try {
    await Promise.race([close(AbortSignal.timeout(ms)), late]);
  } finally {
    clearTimeout(timer);
  }
}
