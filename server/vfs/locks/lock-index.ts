/** All locks in memory, by token, by place and by node: every change of the vfs asks, and most find nothing. */
import { isWithin } from "#drivers/contract/path.ts";
import type { Lock } from "./lock.ts";

const NONE: readonly Lock[] = [];

export class LockIndex {
  readonly #byToken = new Map<string, Lock>();
  /** By storage, then by path inside it. */
  readonly #byPlace = new Map<number, Map<string, readonly Lock[]>>();
  readonly #byNode = new Map<number, readonly Lock[]>();
  readonly #perUser = new Map<number, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Ended ones that nobody has swept yet included. */
  get size(): number {
    return this.#byToken.size;
  }

  get(token: string): Lock | undefined {
    const lock = this.#byToken.get(token);
    return lock && this.#isLive(lock) ? lock : undefined;
  }

  /** Those whose root is exactly there. */
  at(storageId: number, inside: string): readonly Lock[] {
    return this.#live(this.#byPlace.get(storageId)?.get(inside));
  }

  /** Those of a node, wherever they were taken. */
  ofNode(n: number): readonly Lock[] {
    return this.#live(this.#byNode.get(n));
  }

  /** Those whose root is there or below, ended ones included. */
  within(storageId: number, inside: string): readonly Lock[] {
    const places = this.#byPlace.get(storageId);
    if (!places) return NONE;
    return [...places].flatMap(([path, locks]) => (isWithin(path, inside) ? locks : NONE));
  }

  /** How many a user has, ended ones that nobody has swept yet included. */
  countOf(userId: number): number {
    return this.#perUser.get(userId) ?? 0;
  }

  ended(): readonly Lock[] {
    return [...this.#byToken.values()].filter((lock) => !this.#isLive(lock));
  }

  all(): readonly Lock[] {
    return [...this.#byToken.values()];
  }

  /** Takes a lock in; one of its token is replaced. */
  set(lock: Lock): void {
    this.delete(lock.token);
    this.#byToken.set(lock.token, lock);
    const places = this.#byPlace.get(lock.storageId) ?? new Map<string, readonly Lock[]>();
    this.#byPlace.set(lock.storageId, places.set(lock.inside, [...(places.get(lock.inside) ?? NONE), lock]));
    this.#byNode.set(lock.n, [...(this.#byNode.get(lock.n) ?? NONE), lock]);
    this.#perUser.set(lock.userId, this.countOf(lock.userId) + 1);
  }

  delete(token: string): void {
    const lock = this.#byToken.get(token);
    if (!lock) return;
    this.#byToken.delete(token);
    const places = this.#byPlace.get(lock.storageId);
    if (places) {
      without(places, lock.inside, lock);
      if (places.size === 0) this.#byPlace.delete(lock.storageId);
    }
    without(this.#byNode, lock.n, lock);
    const left = this.countOf(lock.userId) - 1;
    if (left > 0) this.#perUser.set(lock.userId, left);
    else this.#perUser.delete(lock.userId);
  }

  #live(locks: readonly Lock[] | undefined): readonly Lock[] {
    if (!locks) return NONE;
    return locks.every((lock) => this.#isLive(lock)) ? locks : locks.filter((lock) => this.#isLive(lock));
  }

  #isLive(lock: Lock): boolean {
    return lock.expiresAt > this.#now();
  }
}

function without<K>(locks: Map<K, readonly Lock[]>, key: K, lock: Lock): void {
  const left = (locks.get(key) ?? NONE).filter((other) => other !== lock);
  if (left.length > 0) locks.set(key, left);
  else locks.delete(key);
}
