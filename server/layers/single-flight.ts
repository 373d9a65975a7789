/** Merges equal calls that run at the same time, so that ten clients that open one folder cost one listing. */
import type { Link, Priority } from "#drivers/contract/mount.ts";
import { type Flight, startFlight } from "./flight.ts";
import { around, type Call, type Layer, optionsOf, withOptions } from "./layer.ts";
import { type ListingFlight, startListing } from "./listing-flight.ts";
import { dropLink, shareLink } from "./shared-link.ts";

/** Most urgent first. */
const PRIORITIES: readonly Priority[] = ["interactive", "upload", "background"];

/**
 * Equal `root`, `list`, `stat`, `link` and `usage` calls become one; one waiter's abort leaves it running, the last one's stops it.
 * A caller joins only what is at least as urgent as itself, and nothing that began before a change made through this mount.
 */
export function singleFlight(): Layer {
  return (inner) => {
    const running = new Map<string, Flight<unknown> | ListingFlight>();
    const join = <F extends { readonly stopped: boolean; readonly done: Promise<unknown> }>(
      key: string,
      priority: Priority = "interactive",
      start: () => F,
    ): F => {
      for (const urgent of PRIORITIES.slice(0, PRIORITIES.indexOf(priority) + 1)) {
        const known = running.get(`${urgent} ${key}`) as F | undefined;
        if (known && !known.stopped) return known;
      }
      const own = `${priority} ${key}`;
      const flight = start();
      running.set(own, flight as never);
      void flight.done.then(() => {
        if (running.get(own) === (flight as never)) running.delete(own);
      });
      return flight;
    };
    return around(inner, {
      async call(call, next) {
        const key = keyOf(call);
        const o = optionsOf(call);
        o.signal.throwIfAborted();
        if (key === undefined) {
          if (call.operation === "read" || call.operation === "thumbnailLink") return next();
          // What runs may have been answered before the change: nobody may join it from now on.
          running.clear();
          return next().finally(() => running.clear());
        }
        const flight = join(key, o.priority, () =>
          startFlight(
            (signal) => next(withOptions(call, { ...o, signal })),
            call.operation === "link" ? (link) => dropLink(link as Link) : undefined,
          ),
        );
        const { value, isFirst, holders } = await flight.wait(o.signal);
        if (call.operation !== "link" || holders.count === 1) return value;
        if ((value as Link).reusable) return shareLink(value as Link, holders);
        return isFirst ? value : next();
      },
      list(directory, o, next) {
        return (async function* () {
          o.signal.throwIfAborted();
          const start = () => startListing((signal) => next({ ...o, signal }));
          yield* join(`list ${JSON.stringify(directory.id)}`, o.priority, start).read(o.signal);
        })();
      },
      trash: {
        call(_call, next) {
          running.clear();
          return next().finally(() => running.clear());
        },
      },
    });
  };
}

function keyOf(call: Call): string | undefined {
  switch (call.operation) {
    case "root":
    case "usage":
      return call.operation;
    case "stat":
      return `stat ${JSON.stringify(call.args[0])}`;
    case "link": {
      const [file, client] = call.args;
      return `link ${JSON.stringify([file.id, file.version, client.purpose, client.userAgent, client.address])}`;
    }
    default:
      return undefined;
  }
}
