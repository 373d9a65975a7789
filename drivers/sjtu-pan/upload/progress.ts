/** Where a multipart upload stands: which parts are stored, and what of that is written down for the time after a restart. */
import type { Checkpoint, Json } from "../../contract/mount.ts";
import type { Crc64 } from "../../kit/crc64.ts";
import type { SavedUpload } from "./saved.ts";

/** Parts after which the state is written down again. Which parts are stored the service knows; what is saved is the reading of them for their sum. */
const SAVED_EVERY = 16;

export interface ProgressOptions {
  readonly saved: SavedUpload;
  /** Parts that the service has. */
  readonly storedAlready: ReadonlySet<number>;
  /** The first parts need not be read again: they are stored, and their sum is known. */
  readonly trusted: boolean;
  /** Absent where nothing is to be written down. */
  readonly checkpoint?: Checkpoint | undefined;
  onUnsaved(error: unknown): void;
}

export class Progress {
  readonly #o: ProgressOptions;
  /** Sums up to the end of parts that have been read. */
  readonly #sums = new Map<number, string>();
  readonly #stored: Set<number>;
  #saved: SavedUpload;
  #whole: number;
  #wholeSum: string;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: ProgressOptions) {
    this.#o = options;
    this.#saved = options.saved;
    this.#stored = new Set(options.storedAlready);
    this.#whole = options.trusted ? options.saved.parts : 0;
    this.#wholeSum = options.trusted ? options.saved.crc64 : "0";
  }

  get storedAlready(): ReadonlySet<number> {
    return this.#o.storedAlready;
  }

  /** Where reading begins, and the sum of what lies before. */
  get start(): { readonly firstPart: number; readonly crc64: string } {
    const { saved, trusted } = this.#o;
    return trusted ? { firstPart: saved.parts + 1, crc64: saved.crc64 } : { firstPart: 1, crc64: "0" };
  }

  /** A part has been read, and `sum` is that of all up to its end. */
  passed(part: number, sum: Crc64): void {
    if (!this.#o.checkpoint) return;
    this.#sums.set(part, sum.digest());
    this.#advance();
  }

  stored(part: number): void {
    if (!this.#o.checkpoint) return;
    this.#stored.add(part);
    this.#advance();
  }

  /** Writes down where the upload stands, for the time after it broke off. */
  write(): Promise<void> {
    if (this.#o.checkpoint && this.#whole > this.#saved.parts) this.#save();
    return this.#writing;
  }

  /** Resolves when what was begun to be written down is. */
  written(): Promise<void> {
    return this.#writing;
  }

  #advance(): void {
    for (let next = this.#whole + 1; this.#stored.has(next); next++) {
      const sum = this.#sums.get(next);
      if (sum === undefined) break;
      this.#sums.delete(next);
      this.#whole = next;
      this.#wholeSum = sum;
    }
    if (this.#whole >= this.#saved.parts + SAVED_EVERY) this.#save();
  }

  #save(): void {
    this.#saved = { ...this.#saved, parts: this.#whole, crc64: this.#wholeSum };
    const state = this.#saved;
    this.#writing = this.#writing
      .then(() => this.#o.checkpoint?.save(state as unknown as Json))
      .catch((error) => this.#o.onUnsaved(error));
  }
}
