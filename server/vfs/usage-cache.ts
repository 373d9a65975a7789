/** What storages say about their room, kept for a while: clients ask for it with every listing. */
import type { Clock, Log } from "#drivers/contract/driver.ts";
import type { Usage } from "#drivers/contract/mount.ts";
import type { MountedStorage } from "./mounted-storage.ts";
import type { VfsOptions } from "./resource.ts";

/** webdav.md §5.1: 5–10 minutes, moved on by uploads; where asking costs nothing, half a minute. */
const KEPT_MS = 5 * 60_000;
const KEPT_CHEAP_MS = 30_000;

interface Known {
  readonly at: number;
  readonly usage: Promise<Usage | undefined>;
  /** True where uploads were added to what the storage said. */
  readonly isEstimate?: boolean;
}

export class UsageCache {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #known = new WeakMap<MountedStorage, Known>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Undefined where the storage cannot tell. Throws what it failed with; a failure is not remembered. */
  async usage(storage: MountedStorage, o: VfsOptions): Promise<Usage | undefined> {
    o.signal.throwIfAborted();
    const kept = storage.traits.cheapStat ? KEPT_CHEAP_MS : KEPT_MS;
    const known = this.#known.get(storage);
    if (known && this.#clock.now() - known.at < kept) return known.usage;
    await storage.mount();
    if (!storage.capabilities?.usage) return undefined;
    const usage = this.#ask(storage);
    this.#remember(storage, { at: this.#clock.now(), usage });
    return usage;
  }

  /** Bytes that still fit; undefined when unknown, or when the storage does not tell now. Where an estimate says that fewer than `needed` do, the storage is asked. */
  async free(storage: MountedStorage, needed: number, o: VfsOptions): Promise<number | undefined> {
    const free = await this.#free(storage, o);
    if (free === undefined || free >= needed || !this.#known.get(storage)?.isEstimate) return free;
    this.#known.delete(storage);
    return this.#free(storage, o);
  }

  /** After an upload: its bytes are added to what is known, so that storing many files does not cost a question for each. */
  grew(storage: MountedStorage, bytes: number): void {
    const known = this.#known.get(storage);
    if (!known || storage.traits.cheapStat) return;
    const usage = known.usage.then(
      (said) => said && { ...said, ...(said.used !== undefined && { used: said.used + bytes }) },
    );
    this.#remember(storage, { at: known.at, usage, isEstimate: true });
  }

  /** After a change: the next question is asked anew, where that costs a service's call only if somebody asks. */
  forget(storage: MountedStorage): void {
    if (!storage.traits.cheapStat) this.#known.delete(storage);
  }

  async #free(storage: MountedStorage, o: VfsOptions): Promise<number | undefined> {
    try {
      return freeOf(await this.usage(storage, o));
    } catch (error) {
      o.signal.throwIfAborted();
      this.#log.debug({ mount: storage.mountPath, err: error }, "the storage does not tell its usage");
      return undefined;
    }
  }

  /** Whoever waits for it hears of a failure; the next one asks again. */
  #remember(storage: MountedStorage, known: Known): void {
    this.#known.set(storage, known);
    known.usage.catch(() => {
      if (this.#known.get(storage) === known) this.#known.delete(storage);
    });
  }

  #ask(storage: MountedStorage): Promise<Usage | undefined> {
    const signal = AbortSignal.any([AbortSignal.timeout(30_000), storage.closing]);
    return storage.using("usage", (mount) => mount.usage!({ signal }));
  }
}

function freeOf(usage: Usage | undefined): number | undefined {
  if (usage?.total === undefined || usage.used === undefined) return undefined;
  return Math.max(0, usage.total - usage.used);
}
