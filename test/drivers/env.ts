/** A driver's environment for tests of drivers that talk to no service. */
import { randomBytes } from "node:crypto";
import type { DriverEnv, MountState } from "#drivers/contract/driver.ts";
import type { Json } from "#drivers/contract/mount.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface TestEnv extends DriverEnv {
  readonly state: MountState;
  readonly lines: readonly LogLine[];
  /** Turns the clock, in milliseconds. */
  advance(ms: number): void;
}

/** An environment with a clock that stands still at `now` until it is turned. Any use of the network fails the test. */
export function testEnv(now = 1_700_000_000_000, overrides: DriverEnv["overrides"] = {}): TestEnv {
  const lines: LogLine[] = [];
  const sleepers = new Set<() => void>();
  const log = (level: LogLine["level"]) => (fields: LogLine["fields"], message: string) => {
    lines.push({ level, fields, message });
  };
  const noNetwork = (): never => {
    throw new Error("a driver without a service used the network");
  };
  return {
    get api() {
      return noNetwork();
    },
    get bytes() {
      return noNetwork();
    },
    webSocket: noNetwork,
    cookieJar: noNetwork,
    random: (n) => randomBytes(n),
    clock: {
      now: () => now,
      sleep(ms, signal) {
        const due = now + ms;
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        const wake = () => {
          if (signal.aborted) reject(signal.reason);
          else if (now >= due) resolve();
          else return;
          sleepers.delete(wake);
        };
        sleepers.add(wake);
        signal.addEventListener("abort", wake, { once: true });
        wake();
        return promise;
      },
    },
    log: { debug: log("debug"), info: log("info"), warn: log("warn") },
    state: memoryState(),
    upstreams: {},
    overrides,
    lines,
    advance(ms) {
      now += ms;
      for (const wake of [...sleepers]) wake();
    },
  };
}

function memoryState(): MountState {
  const values = new Map<string, Json>();
  return {
    get: async (key) => values.get(key),
    set: async (key, value) => void values.set(key, value),
    delete: async (key) => void values.delete(key),
  };
}
