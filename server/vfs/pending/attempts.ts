/** The uploads of waiting content that are on their way just now, and those that must not run because somebody changes their files. */

/** One upload on its way. */
export interface Attempt {
  /** Resolves when the storage has it and the tree says so. */
  readonly done: Promise<void>;
  readonly controller: AbortController;
  /** Bytes that the storage has. */
  readonly stored: number;
  readonly listeners: Set<(bytes: number) => void>;
}

/** Why an upload stopped that goes on, or ends, as soon as its file has been changed. */
export class HeldBack extends Error {
  constructor() {
    super("the file is being changed");
    this.name = "HeldBack";
  }
}

export class Attempts {
  readonly #running = new Map<string, Attempt>();
  readonly #holds = new Map<string, { count: number; readonly freed: PromiseWithResolvers<void> }>();

  get(id: string): Attempt | undefined {
    return this.#running.get(id);
  }

  /** Starts an upload; at most one of a file. `run` gets what to tell of progress. */
  begin(
    id: string,
    controller: AbortController,
    run: (onProgress: (bytes: number) => void) => Promise<void>,
    stored = 0,
  ): Attempt {
    const listeners = new Set<(bytes: number) => void>();
    let now = stored;
    const done = run((bytes) => {
      now = bytes;
      for (const listener of listeners) listener(bytes);
    }).finally(() => this.#running.delete(id));
    done.catch(() => {}); // whoever waits for it hears of it
    const attempt: Attempt = {
      done,
      controller,
      listeners,
      get stored() {
        return now;
      },
    };
    this.#running.set(id, attempt);
    return attempt;
  }

  /** Stops all that is on its way, and resolves when it has let go. */
  async stop(reason: unknown): Promise<void> {
    const running = [...this.#running.values()];
    for (const { controller } of running) controller.abort(reason);
    await Promise.allSettled(running.map(({ done }) => done));
  }

  /** Stops what is on its way and keeps it from beginning again; resolves when it has let go. To be released by the returned function, once. */
  async hold(ids: readonly string[]): Promise<() => void> {
    for (const id of ids) {
      const hold = this.#holds.get(id) ?? { count: 0, freed: Promise.withResolvers<void>() };
      hold.count++;
      this.#holds.set(id, hold);
    }
    const running = ids.flatMap((id) => this.#running.get(id) ?? []);
    for (const { controller } of running) controller.abort(new HeldBack());
    await Promise.allSettled(running.map(({ done }) => done));
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      for (const id of ids) this.#release(id);
    };
  }

  /** Settles when nobody holds it any more; undefined where nobody does. */
  freed(id: string): Promise<void> | undefined {
    return this.#holds.get(id)?.freed.promise;
  }

  #release(id: string): void {
    const hold = this.#holds.get(id);
    if (!hold || --hold.count > 0) return;
    this.#holds.delete(id);
    hold.freed.resolve();
  }
}
