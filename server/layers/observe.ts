/** The outermost layer: tells a recorder about every call, however it ended. */
import type { Clock } from "#drivers/contract/driver.ts";
import { type ErrorKind, kindOf } from "#drivers/contract/errors.ts";
import type { Operation } from "#drivers/contract/mount.ts";
import { around, type Layer, optionsOf, type Page } from "./layer.ts";

/** One finished call to a mount. */
export interface Observation {
  readonly operation: Operation;
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
  begun(call: { readonly operation: Operation; readonly mountPath: string }): void;
  ended(observation: Observation): void;
}

/** Records operation, mount, duration and outcome of each call. A read counts as done when its stream is handed over. */
export function observe(recorder: Recorder, clock: Clock, mountPath: string): Layer {
  const begin = (operation: Operation, signal: AbortSignal) => {
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
  return (inner) =>
    around(inner, {
      async call(call, next) {
        const end = begin(call.operation, optionsOf(call).signal);
        try {
          const result = await next();
          end("ok");
          return result;
        } catch (error) {
          end({ error });
          throw error;
        }
      },
      async *list(_directory, o, next): AsyncGenerator<Page> {
        const end = begin("list", o.signal);
        let outcome: Parameters<typeof end>[0] = "aborted";
        let entries = 0;
        try {
          for await (const page of next()) {
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
      },
    });
}

function outcomeOf(error: unknown, signal: AbortSignal): Observation["outcome"] {
  if (signal.aborted && error === signal.reason) return "aborted";
  return kindOf(error) ?? "bug";
}
