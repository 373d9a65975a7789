/** The buffers of an upload's parts: a fixed number, each used again and again. */

export class BufferPool {
  readonly #size: number;
  readonly #most: number;
  readonly #free: Buffer[] = [];
  readonly #waiting: ((buffer: Buffer) => void)[] = [];
  #made = 0;

  /** At most `most` buffers of `size` bytes, made when they are first needed. */
  constructor(size: number, most: number) {
    this.#size = size;
    this.#most = most;
  }

  /** A buffer, as soon as one is free. Throws the signal's reason. */
  take(signal: AbortSignal): Promise<Buffer> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const free = this.#free.pop();
    if (free) return Promise.resolve(free);
    if (this.#made < this.#most) {
      this.#made++;
      return Promise.resolve(Buffer.allocUnsafeSlow(this.#size));
    }
    return new Promise((resolve, reject) => {
      const hand = (buffer: Buffer) => {
        signal.removeEventListener("abort", leave);
        resolve(buffer);
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(hand), 1);
        reject(signal.reason);
      };
      this.#waiting.push(hand);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  give(buffer: Buffer): void {
    const hand = this.#waiting.shift();
    if (hand) hand(buffer);
    else this.#free.push(buffer);
  }

  /** Gives up a buffer that somebody else may still read from, such as a socket that broke. */
  drop(): void {
    const hand = this.#waiting.shift();
    if (hand) hand(Buffer.allocUnsafeSlow(this.#size));
    else this.#made--;
  }
}
