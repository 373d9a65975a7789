/** What storages say about their room, kept for a while: clients ask for it with every listing. */
import type { Clock, Log } from "#drivers/contract/driver.ts";
import type { Usage } from "#drivers/contract/mount.ts";
import type { MountedStorage } from "./mounted-storage.ts";
import type { VfsOptions } from "./resource.ts";

/** webdav.md §5.1: 5–10 minutes, refreshed after uploads; where asking costs nothing, half a minute. */
const KEPT_MS = 5 * 60_000;
const KEPT_CHEAP_MS = 30_000;

interface Known {
  readonly at: number;
  readonly usage: Promise<Usage | undefined>;
}

export class UsageCache {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #known = new WeakMap<MountedStorage, Known>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Undefined where the storage cannot tell, or does not tell now. */
  async usage(storage: MountedStorage, o: VfsOptions): Promise<Usage | undefined> {
    o.signal.throwIfAborted();
    const kept = storage.traits.cheapStat ? KEPT_CHEAP_MS : KEPT_MS;
    const known = this.#known.get(storage);
    if (known && this.#clock.now() - known.at < kept) return known.usage;
    await storage.mount();
    if (!storage.capabilities?.usage) return undefined;
    const usage = this.#ask(storage);
    this.#known.set(storage, { at: this.#clock.now(), usage });
    return usage;
  }

  /** Bytes that still fit; undefined when unknown. */
  async free(storage: MountedStorage, o: VfsOptions): Promise<number | undefined> {
    const usage = await this.usage(storage, o);
    if (usage?.total === undefined || usage.used === undefined) return undefined;
    return Math.max(0, usage.total - usage.used);
  }

  /** After a change: the next question is asked anew, where that costs a service's call only if somebody asks. */
  forget(storage: MountedStorage): void {
    if (!storage.traits.cheapStat) this.#known.delete(storage);
  }

  async #ask(storage: MountedStorage): Promise<Usage | undefined> {
    const signal = AbortSignal.any([AbortSignal.timeout(30_000), storage.closing]);
    try {
      return await storage.using("usage", (mount) => mount.usage!({ signal }));
    } catch (error) {
      this.#log.warn({ mount: storage.mountPath, err: error }, "the storage does not tell its usage");
      this.#known.delete(storage);
      return undefined;
    }
  }
}
