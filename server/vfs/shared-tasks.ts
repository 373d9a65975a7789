/** Work that several callers wait for together: it runs once, and stops when the last of them has left. */

interface Shared<T> {
  readonly controller: AbortController;
  readonly promise: Promise<T>;
  waiters: number;
}

/** Running tasks by key. */
export class SharedTasks<K, T> {
  readonly #running = new Map<K, Shared<T>>();
  /** Tasks that everybody has left and that have not ended yet: the next of their key begins after them. */
  readonly #stopping = new Map<K, Promise<unknown>>();

  /**
   * The result of the task of that key, begun if none runs. A waiter whose signal aborts leaves with its reason; without a signal the caller never leaves.
   * When the last waiter has left, the task's own signal aborts.
   */
  join(key: K, start: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const shared = this.#running.get(key) ?? this.#begin(key, start);
    shared.waiters++;
    return signal ? this.#waitOrLeave(key, shared, signal) : shared.promise;
  }

  /** Stops all tasks, with a reason that their waiters hear. */
  stop(reason: unknown): void {
    for (const { controller } of this.#running.values()) controller.abort(reason);
  }

  /** True while a task of that key runs. */
  has(key: K): boolean {
    return this.#running.has(key);
  }

  #begin(key: K, start: (signal: AbortSignal) => Promise<T>): Shared<T> {
    const controller = new AbortController();
    const promise = this.#afterStopping(key, () => start(controller.signal)).finally(() => {
      if (this.#running.get(key) === shared) this.#running.delete(key);
      if (this.#stopping.get(key) === promise) this.#stopping.delete(key);
    });
    promise.catch(() => {}); // each waiter hears of the failure itself; after the last left, nobody does
    const shared: Shared<T> = { controller, promise, waiters: 0 };
    this.#running.set(key, shared);
    return shared;
  }

  async #afterStopping(key: K, start: () => Promise<T>): Promise<T> {
    await this.#stopping.get(key)?.catch(() => {});
    return start();
  }

  #waitOrLeave(key: K, shared: Shared<T>, signal: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const leave = () => {
        shared.waiters--;
        if (shared.waiters === 0) {
          // A caller that comes from now on begins anew instead of joining what is being stopped.
          if (this.#running.get(key) === shared) {
            this.#running.delete(key);
            this.#stopping.set(key, shared.promise);
          }
          shared.controller.abort(signal.reason);
        }
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      const done = () => signal.removeEventListener("abort", leave);
      shared.promise.then(
        (value) => {
          done();
          resolve(value);
        },
        (error: unknown) => {
          done();
          reject(error);
        },
      );
    });
  }
}
