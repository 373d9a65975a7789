/** Doing many things, some at a time. */

/** At most `most` at a time: `await take()` for a place, and call what it resolves to when done. */
export class Places {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    };
  }
}

/** Runs `work` for each item, `jobs` at a time, in the items' order. The first failure, of the items too, ends it: no further item is begun, and it is thrown when those on their way have ended. */
export async function forEachAtOnce<T>(
  items: AsyncIterable<T> | Iterable<T>,
  jobs: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const places = new Places(jobs);
  const running = new Set<Promise<void>>();
  let failed: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failed ??= { error };
  };
  try {
    for await (const item of items) {
      const leave = await places.take();
      if (failed) break;
      const one = work(item)
        .catch(fail)
        .finally(() => {
          leave();
          running.delete(one);
        });
      running.add(one);
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(running);
  if (failed) throw (failed as { error: unknown }).error;
}
