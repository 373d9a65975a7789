/** A body on its way in: counted and hashed as it passes, and held at its last byte until it may be committed. */
import { Transform, type TransformCallback } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Hashes, HashName } from "#drivers/contract/mount.ts";
import { computable, type RunningDigest, startDigest } from "./digests.ts";

/** The digests to compute of a body: SHA-1 always, and what the service and the client have. */
export function hashesToCompute(known: readonly HashName[], claimed: Hashes | undefined): readonly HashName[] {
  const wanted = new Set<HashName>(["sha1", ...known, ...(Object.keys(claimed ?? {}) as HashName[])]);
  return computable([...wanted]);
}

export interface ReceivedBodyOptions {
  /** Bytes that must come; absent when the client did not say. */
  readonly size: number | undefined;
  readonly hashes: readonly HashName[];
  /** What the client says about the content. */
  readonly claimed: Hashes | undefined;
  /** Awaited after the last byte and before the end is let through; what it throws fails the body. */
  readonly beforeEnd: () => Promise<void>;
}

export class ReceivedBody extends Transform {
  readonly #options: ReceivedBodyOptions;
  readonly #running: readonly { readonly name: HashName; readonly digest: RunningDigest }[];
  readonly #digests = Promise.withResolvers<Hashes>();
  #received = 0;

  constructor(options: ReceivedBodyOptions) {
    super({ readableHighWaterMark: 1024 * 1024, writableHighWaterMark: 1024 * 1024 });
    this.#options = options;
    this.#running = options.hashes.map((name) => ({ name, digest: startDigest(name) }));
    this.#digests.promise.catch(() => {}); // whoever asks for a digest hears of it
    // A body may fail before its storage has begun to read it, or when it never will: whoever reads hears of it, and an error that nobody heard would end the process.
    this.on("error", () => {});
    this.once("close", () => this.#digests.reject(this.errored ?? shortBody(this.#received, options.size)));
  }

  /** Bytes that have come so far. */
  get received(): number {
    return this.#received;
  }

  /** The digests of the whole body; settles when it has ended. */
  digests(): Promise<Hashes> {
    return this.#digests.promise;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#received += chunk.length;
    if (this.#options.size !== undefined && this.#received > this.#options.size) {
      done(new StorageError("incomplete", `more bytes came than the ${this.#options.size} that were announced`));
      return;
    }
    for (const { digest } of this.#running) digest.update(chunk);
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    this.#finish().then(
      () => done(),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    );
  }

  async #finish(): Promise<void> {
    if (this.#options.size !== undefined && this.#received !== this.#options.size) {
      throw shortBody(this.#received, this.#options.size);
    }
    const digests: Hashes = Object.fromEntries(this.#running.map(({ name, digest }) => [name, digest.digest()]));
    refuseMismatch(digests, this.#options.claimed, "precondition-failed", "the checksum that the client sent");
    await this.#options.beforeEnd();
    this.#digests.resolve(digests);
  }
}

/** Throws where both sides know a digest and it differs. */
export function refuseMismatch(
  actual: Hashes,
  expected: Hashes | undefined,
  kind: "precondition-failed" | "incomplete",
  whose: string,
): void {
  for (const [name, value] of Object.entries(expected ?? {})) {
    const computed = actual[name as HashName];
    if (computed === undefined || value === undefined || computed === value.toLowerCase()) continue;
    throw new StorageError(kind, `the content does not match ${whose} (${name})`, {
      reason: "verification-failed",
      retryable: kind === "incomplete",
    });
  }
}

/** `incomplete`: a body that ended before all of it had come. */
export function shortBody(received: number, announced: number | undefined): StorageError {
  return new StorageError(
    "incomplete",
    announced === undefined
      ? `the body broke off after ${received} bytes`
      : `the body broke off after ${received} of ${announced} bytes`,
  );
}
