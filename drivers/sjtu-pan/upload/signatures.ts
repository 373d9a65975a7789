/** What the service signed of a multipart upload: fetched in groups, ahead of need, and again before it runs out (sjtu-pan.md §4.6). */
import { StorageError } from "../../contract/errors.ts";
import type { CallOptions } from "../../contract/mount.ts";
import type { SignedPartsReply } from "../wire.ts";
import { groupFrom, type Plan } from "./plan.ts";
import type { Signed } from "./store.ts";

/** Less than this before its end a signature is not used any more, in milliseconds (sjtu-pan.md §4.6). */
const MARGIN_MS = 30_000;

/** Parts before the end of what is signed at which the next group is fetched. */
const AHEAD = 10;

export interface SignaturesOptions {
  readonly plan: Plan;
  /** Asks the service to sign these parts. */
  renew(parts: readonly number[], o: CallOptions): Promise<SignedPartsReply>;
  /** The server's time in milliseconds. */
  now(): number;
}

interface Known extends Signed {
  /** Milliseconds of the server's time. */
  readonly expiresAt: number;
}

export class Signatures {
  readonly #o: SignaturesOptions;
  readonly #known = new Map<number, Known>();
  readonly #uploadIds = new Set<string>();
  #renewing: Promise<void> | undefined;

  constructor(options: SignaturesOptions) {
    this.#o = options;
  }

  /** True once a renewal has given the upload another id: what was sent under the first may be lost (sjtu-pan.md §4.6). */
  get movedOn(): boolean {
    return this.#uploadIds.size > 1;
  }

  add(reply: SignedPartsReply): void {
    const { domain, path, uploadId } = reply;
    this.#uploadIds.add(uploadId);
    const expiresAt = Date.parse(reply.expiration);
    for (const [number, { headers }] of Object.entries(reply.parts)) {
      const query = `?uploadId=${encodeURIComponent(uploadId)}&partNumber=${number}`;
      this.#known.set(Number(number), {
        domain,
        path,
        query,
        headers,
        expiresAt: Number.isFinite(expiresAt) ? expiresAt : Number.POSITIVE_INFINITY,
      });
    }
  }

  /** How to send a part; good for half a minute at least, or just signed. */
  async of(part: number, o: CallOptions): Promise<Signed> {
    for (let isJustSigned = false; ; ) {
      o.signal.throwIfAborted();
      const known = this.#known.get(part);
      if (known && (isJustSigned || known.expiresAt - this.#o.now() >= MARGIN_MS)) {
        this.#lookAhead(part, o);
        return known;
      }
      // One at a time; the group that is on its way may hold the part.
      if (this.#renewing) await this.#renewing.catch(() => {});
      else {
        await this.#renew(part, o);
        isJustSigned = true;
      }
    }
  }

  /** The store refused what was signed. */
  drop(part: number, signed: Signed): void {
    if (this.#known.get(part) === signed) this.#known.delete(part);
  }

  /** A part that is stored needs no signature. */
  forget(part: number): void {
    this.#known.delete(part);
  }

  #lookAhead(part: number, o: CallOptions): void {
    const next = part + AHEAD;
    if (next > this.#o.plan.count || this.#known.has(next) || this.#renewing) return;
    // Whoever needs the parts asks again, and hears of the failure then.
    this.#renew(next, o).catch(() => {});
  }

  async #renew(part: number, o: CallOptions): Promise<void> {
    this.#renewing = this.#ask(part, o);
    try {
      await this.#renewing;
    } finally {
      this.#renewing = undefined;
    }
  }

  async #ask(part: number, o: CallOptions): Promise<void> {
    this.#known.delete(part);
    this.add(await this.#o.renew(groupFrom(this.#o.plan, part), o));
    if (!this.#known.has(part)) throw new StorageError("upstream", `SJTU Pan signed no part ${part}`);
  }
}
