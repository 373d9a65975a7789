/** What one channel is still to deliver: in order, the newest of each subject, again after failures with growing delay, and not for ever. */
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";

/** Before each further try, in milliseconds; after the last one it is given up. */
const DELAYS_MS = [5_000, 30_000, 120_000, 600_000];
/** Most that wait for one channel. */
const MOST_WAITING = 200;

export interface OutboxParts {
  readonly clock: Clock;
  /** Delivers what is waiting under a key. */
  send(key: string, signal: AbortSignal): Promise<void>;
  /** Told once for each key: delivered, or given up with an error. */
  done(key: string, error?: unknown): void;
}

export class Outbox {
  readonly #parts: OutboxParts;
  readonly #waiting = new Set<string>();
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  /** What is being sent, and whether something newer has taken its place meanwhile. */
  #sending: { readonly key: string; isStale: boolean } | undefined;
  #isStarted = false;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** What waits under that key already is replaced, and keeps its turn. */
  add(key: string): void {
    const [oldest] = this.#waiting;
    if (oldest !== undefined && this.#waiting.size >= MOST_WAITING && !this.#waiting.has(key)) {
      this.#waiting.delete(oldest);
      this.#parts.done(
        oldest,
        new StorageError("rate-limited", `more than ${MOST_WAITING} notices wait: the oldest was dropped`),
      );
    }
    this.#waiting.add(key);
    if (this.#sending?.key === key) this.#sending.isStale = true;
    this.#run();
  }

  delete(key: string): void {
    this.#waiting.delete(key);
  }

  start(): void {
    this.#isStarted = true;
    this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort(new StorageError("unavailable", "the server is being stopped"));
    await this.#running;
  }

  #run(): void {
    if (!this.#isStarted || this.#closing.signal.aborted || this.#waiting.size === 0) return;
    this.#running ??= this.#deliver().finally(() => {
      this.#running = undefined;
      this.#run(); // something may have come since it looked last
    });
  }

  async #deliver(): Promise<void> {
    const { signal } = this.#closing;
    for (let tries = 0; !signal.aborted; ) {
      const [key] = this.#waiting;
      if (key === undefined) return;
      const sending = { key, isStale: false };
      this.#sending = sending;
      const error = await this.#parts.send(key, signal).then(
        () => undefined,
        (reason: unknown) => ({ reason }),
      );
      this.#sending = undefined;
      if (signal.aborted) return;
      if (sending.isStale && this.#waiting.has(key)) continue;
      const delay = error && isRetryable(error.reason) ? DELAYS_MS[tries++] : undefined;
      if (delay === undefined) {
        tries = 0;
        this.#waiting.delete(key);
        this.#parts.done(key, error?.reason);
      } else await this.#parts.clock.sleep(delay, signal).catch(() => {}); // the loop sees that it is over
    }
  }
}

function isRetryable(error: unknown): boolean {
  return (
    !(error instanceof StorageError) || error.retryable || error.kind === "unavailable" || error.kind === "timeout"
  );
}
