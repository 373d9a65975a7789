/** The outermost layer: tells a recorder about every call, however it ended. */
import type { Clock } from "#drivers/contract/driver.ts";
import { type ErrorKind, kindOf } from "#drivers/contract/errors.ts";
import type { Operation } from "#drivers/contract/mount.ts";
import { around, type Layer, optionsOf, type Page } from "./layer.ts";
import type { TrashOperation } from "./trash.ts";

/** Every call that is observed. */
export type Observed = Operation | TrashOperation | "trash.list";

/** One finished call to a mount. */
export interface Observation {
  readonly operation: Observed;
  readonly mountPath: string;
  readonly durationMs: number;
  /** `aborted`: the caller left. `bug`: something threw what is no StorageError. */
  readonly outcome: "ok" | "aborted" | "bug" | ErrorKind;
  /** What it failed with. */
  readonly error?: unknown;
  /** Entries that a listing handed on. */
  readonly entries?: number;
}

/** Where observations go: the log, the metrics, the count of the current request. */
export interface Recorder {
  /** Called when a call begins. */
  begun(call: { readonly operation: Observed; readonly mountPath: string }): void;
  ended(observation: Observation): void;
}

/** Records operation, mount, duration and outcome of each call. A read counts as done when its stream is handed over. */
export function observe(recorder: Recorder, clock: Clock, mountPath: string): Layer {
  const begin = (operation: Observed, signal: AbortSignal) => {
    const startedAt = clock.now();
    recorder.begun({ operation, mountPath });
    return (outcome: "ok" | "aborted" | { readonly error: unknown }, entries?: number) => {
      const failed = typeof outcome === "object";
      recorder.ended({
        operation,
        mountPath,
        durationMs: clock.now() - startedAt,
        outcome: failed ? outcomeOf(outcome.error, signal) : outcome,
        ...(failed && { error: outcome.error }),
        ...(entries !== undefined && { entries }),
      });
    };
  };
  async function one<T>(operation: Observed, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    const end = begin(operation, signal);
    try {
      const result = await call();
      end("ok");
      return result;
    } catch (error) {
      end({ error });
      throw error;
    }
  }
  async function* pages<T>(operation: Observed, signal: AbortSignal, list: AsyncIterable<readonly T[]>) {
    const end = begin(operation, signal);
    let outcome: Parameters<typeof end>[0] = "aborted";
    let entries = 0;
    try {
      for await (const page of list) {
        entries += page.length;
        yield page;
      }
      outcome = "ok";
    } catch (error) {
      outcome = { error };
      throw error;
    } finally {
      // Also reached when the reader leaves before the end.
      end(outcome, entries);
    }
  }
  return (inner) =>
    around(inner, {
      call: (call, next) => one(call.operation, optionsOf(call).signal, next),
      list: (_directory, o, next): AsyncIterable<Page> => pages("list", o.signal, next()),
      trash: {
        call: ({ operation, o }, next) => one(operation, o.signal, next),
        list: (o, next) => pages("trash.list", o.signal, next()),
      },
    });
}

function outcomeOf(error: unknown, signal: AbortSignal): Observation["outcome"] {
  if (signal.aborted && error === signal.reason) return "aborted";
  return kindOf(error) ?? "bug";
}
