/** The parts of one multipart upload on their way: sent side by side, sent again, counted (sjtu-pan.md §4.4, §4.6). */
import type { CallOptions } from "../../contract/mount.ts";
import type { PanContext } from "../mount.ts";
import { withPatience } from "../patience.ts";
import { lengthOf, type Plan } from "./plan.ts";
import type { Signatures } from "./signatures.ts";
import { asRefusal, needsSigning, putBytes } from "./store.ts";

/** How often a part is signed anew because the store refused it. */
const MAX_RESIGNINGS = 2;

export interface PartsOptions {
  readonly context: PanContext;
  readonly plan: Plan;
  readonly signatures: Signatures;
  /** Called with the bytes that are stored, all parts together. */
  onProgress(bytes: number): void;
}

export class Parts {
  readonly #o: PartsOptions;
  readonly #done = new Set<number>();
  #bytes = 0;

  /** `done`: the parts that are stored already. */
  constructor(options: PartsOptions, done: Iterable<number> = []) {
    this.#o = options;
    for (const part of done) this.#count(part);
  }

  has(part: number): boolean {
    return this.#done.has(part);
  }

  /** Says that it still goes on. */
  alive = (): void => this.#o.onProgress(this.#bytes);

  /** Stores a part; resolves with whether it was sent once only, so that nobody reads its bytes any more. */
  async send(part: number, bytes: Uint8Array, o: CallOptions): Promise<boolean> {
    const { context, signatures } = this.#o;
    let sendings = 0;
    for (let resignings = 0; ; resignings++) {
      const signed = await signatures.of(part, o);
      try {
        await withPatience(context.env, o, () => {
          sendings++;
          this.alive();
          return putBytes(context.env, signed, bytes, o, this.alive);
        });
        break;
      } catch (error) {
        o.signal.throwIfAborted();
        if (!needsSigning(error)) throw error;
        signatures.drop(part, signed);
        if (resignings === MAX_RESIGNINGS) throw asRefusal(error);
      }
    }
    signatures.forget(part);
    this.#count(part);
    this.alive();
    return sendings === 1;
  }

  /** The parts that a status does not show as stored whole. */
  missing(stored: readonly { PartNumber: number; Size: number }[] | null | undefined): readonly number[] {
    const whole = wholeParts(this.#o.plan, stored);
    return Array.from({ length: this.#o.plan.count }, (_, i) => i + 1).filter((part) => !whole.has(part));
  }

  #count(part: number): void {
    if (this.#done.has(part)) return;
    this.#done.add(part);
    this.#bytes += lengthOf(this.#o.plan, part);
  }
}

/** The parts that a status shows as stored, each of the length that it should have. */
export function wholeParts(
  plan: Plan,
  stored: readonly { PartNumber: number; Size: number }[] | null | undefined,
): ReadonlySet<number> {
  const whole = (stored ?? []).filter(({ PartNumber, Size }) => Size === lengthOf(plan, PartNumber));
  return new Set(whole.map(({ PartNumber }) => PartNumber));
}
