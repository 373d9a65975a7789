/** Long changes, told as rows of how far they are. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "@hono/zod-openapi";

/** Bytes that the storage has by now. */
export const progressRow = z.object({ bytes: z.number() });

/** What the work is handed. */
export interface ProgressOptions {
  /** Aborts when `signal` does, and when nobody reads the rows any more. */
  readonly signal: AbortSignal;
  onProgress(bytes: number): void;
}

/** Rows every `everyMs` until the work has ended, then what came of it. A reader that leaves stops the work, and goes on when it has ended. */
export async function* withProgress<T>(
  everyMs: number,
  signal: AbortSignal,
  work: (o: ProgressOptions) => Promise<T>,
): AsyncGenerator<readonly z.input<typeof progressRow>[], T> {
  const leaving = new AbortController();
  let bytes = 0;
  let isOver = false;
  const running = work({
    signal: AbortSignal.any([signal, leaving.signal]),
    onProgress(sum) {
      bytes = sum;
    },
  });
  const end = () => {
    isOver = true;
  };
  const ended = running.then(end, end);
  try {
    for (;;) {
      await Promise.race([ended, sleep(everyMs, undefined, { ref: false })]);
      if (isOver) return await running;
      yield [{ bytes }];
    }
  } finally {
    if (!isOver) leaving.abort(new Error("nobody waits for it any more"));
    await ended;
  }
}
