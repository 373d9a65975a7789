/** Keeps links until shortly before they end, so that a hundred ranges of one file cost one call (architecture.md §7). */
import { LRUCache } from "lru-cache";
import type { Clock } from "#drivers/contract/driver.ts";
import type { CallOptions, ClientHints, Entry, Link, Mount } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { type Flight, startFlight } from "./flight.ts";
import { around, type Layer } from "./layer.ts";
import { type Touches, touchedBy } from "./link-changes.ts";
import { HeldLink } from "./link-held.ts";

/** Files of a mount whose links are kept. */
const MOST_FILES = 1000;

/** Links that are kept of one file: one for each asker that they are bound to. */
const MOST_OF_ONE = 8;

/** A link as the cache hands it out. */
export interface KeptLink extends Link {
  /** False when it was there before it was asked for. */
  readonly isFresh?: boolean;
  /** Says that a fetch with it failed: nobody gets it again. */
  spoil?(): void;
}

export interface LinkCacheOptions {
  readonly clock: Clock;
  readonly traits: Traits;
  /** Throws while the account's login is over: content fails then, also what an old link could still fetch (architecture.md §4). */
  readonly demandLogin?: () => void;
}

interface KeptFile {
  readonly id: string;
  links: readonly HeldLink[];
}

/**
 * Answers `link` with what it has, where the link is `reusable`, of the same content (id, version and size), bound to the same asker and with enough
 * of its life left. Equal calls that run at the same time are one. A change made through this mount ends the links that it touches.
 * A link is released at the upstream once it is kept no more and nobody uses it.
 */
export function linkCache({ clock, traits, demandLogin }: LinkCacheOptions): Layer {
  return (inner) => {
    if (!inner.link) return inner;
    const links = new Links(inner.link.bind(inner), clock);
    const outer = around(inner, {
      async call(call, next) {
        if (call.operation === "link") {
          demandLogin?.();
          return links.take(...call.args);
        }
        const touched = touchedBy(call, traits, "begins");
        if (!touched) return next();
        links.forget(touched);
        try {
          const answer = await next();
          links.forget(touchedBy(call, traits, { answer }));
          return answer;
        } catch (error) {
          links.forget(touchedBy(call, traits, "failed"));
          throw error;
        }
      },
      trash: {
        call: (_call, next) => {
          links.forget(everything);
          return next().finally(() => links.forget(everything));
        },
      },
    });
    return {
      ...outer,
      async close() {
        links.close();
        await inner.close?.();
      },
    };
  };
}

const everything: Touches = () => true;

class Links {
  readonly #make: NonNullable<Mount["link"]>;
  readonly #clock: Clock;
  readonly #files = new LRUCache<string, KeptFile>({
    max: MOST_FILES,
    noDisposeOnSet: true,
    dispose: ({ links }) => {
      for (const held of links) held.leave();
    },
  });
  readonly #flights = new Map<string, Flight<HeldLink>>();
  readonly #closing = new AbortController();
  /** Changes so far: what was asked for before one is not kept. */
  #changes = 0;

  constructor(make: NonNullable<Mount["link"]>, clock: Clock) {
    this.#make = make;
    this.#clock = clock;
  }

  async take(file: Entry, client: ClientHints, o: CallOptions): Promise<KeptLink> {
    o.signal.throwIfAborted();
    const key = JSON.stringify([file.id, file.version, file.size]);
    const now = this.#clock.now();
    const known = this.#files.get(key)?.links.find((held) => held.serves(client, now));
    if (known) return this.#handOut(known, client, key, false);
    const flight = this.#join(key, file, client, o);
    const { value, isFirst } = await flight.wait(o.signal);
    if (value.link.reusable || isFirst) return this.#handOut(value, client, key, true);
    // It works once: everybody else needs one of his own.
    const { held, letGo } = await this.#ask(key, file, client, o);
    const own = this.#handOut(held, client, key, true);
    letGo();
    return own;
  }

  /** Ends the links of what a change touches. */
  forget(touches: Touches | undefined): void {
    if (!touches) return;
    this.#changes += 1;
    this.#flights.clear();
    for (const [key, { id }] of this.#files.entries()) if (touches(id)) this.#files.delete(key);
  }

  close(): void {
    this.#closing.abort();
    this.#files.clear();
  }

  #join(key: string, file: Entry, client: ClientHints, o: CallOptions): Flight<HeldLink> {
    const { purpose, userAgent, address } = client;
    // Nobody waits for a call that is less urgent than his own.
    const call = JSON.stringify([key, purpose, userAgent, address, o.priority]);
    const running = this.#flights.get(call);
    if (running && !running.stopped) return running;
    let letGo = () => {};
    const flight = startFlight(async (signal) => {
      const asked = await this.#ask(key, file, client, { ...o, signal });
      letGo = asked.letGo;
      return asked.held;
    });
    this.#flights.set(call, flight);
    void flight.done.then(() => {
      if (this.#flights.get(call) === flight) this.#flights.delete(call);
      // By now, who waited holds it; where nobody does and it is not kept, it is released.
      letGo();
    });
    return flight;
  }

  /** Makes a link, held until `letGo`, and keeps it where that is right. */
  async #ask(
    key: string,
    file: Entry,
    client: ClientHints,
    o: CallOptions,
  ): Promise<{ readonly held: HeldLink; readonly letGo: () => void }> {
    const changes = this.#changes;
    const madeAt = this.#clock.now();
    const held = new HeldLink(await this.#make(file, client, o), client, madeAt);
    const letGo = held.hold();
    if (held.link.reusable && changes === this.#changes && !this.#closing.signal.aborted) this.#keep(key, file, held);
    if (held.link.release) this.#endInTime(key, held);
    return { held, letGo };
  }

  #keep(key: string, file: Entry, held: HeldLink): void {
    held.keep();
    const kept = this.#files.get(key) ?? { id: file.id, links: [] };
    const now = this.#clock.now();
    const [over, good] = [
      kept.links.filter(({ until }) => until <= now),
      kept.links.filter(({ until }) => until > now),
    ];
    const leaving = [...over, ...good.splice(0, good.length + 1 - MOST_OF_ONE)];
    kept.links = [...good, held];
    this.#files.set(key, kept);
    for (const one of leaving) one.leave();
  }

  /** What is held at the upstream for a link goes when the link's time is up, whoever got it. */
  #endInTime(key: string, held: HeldLink): void {
    const end = () => {
      this.#drop(key, held);
      held.end();
    };
    this.#clock.sleep(Math.max(0, held.until - this.#clock.now()), this.#closing.signal).then(end, end);
  }

  #drop(key: string, held: HeldLink): void {
    const kept = this.#files.peek(key);
    if (!kept?.links.includes(held)) return;
    kept.links = kept.links.filter((one) => one !== held);
    if (kept.links.length === 0) this.#files.delete(key);
    held.leave();
  }

  #handOut(held: HeldLink, { purpose }: ClientHints, key: string, isFresh: boolean): KeptLink {
    const { link } = held;
    const giveBack = held.hold(purpose);
    return {
      ...link,
      isFresh,
      spoil: () => this.#drop(key, held),
      ...(link.release && { release: async () => giveBack() }),
    };
  }
}
