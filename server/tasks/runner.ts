/** Runs of tasks: each with its own signal and speed, from its record to how it ended. */
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Permissions } from "../auth/permissions.ts";
import type { Users } from "../auth/users.ts";
import { CalledOff } from "../vfs/called-off.ts";
import { askerNow, askerThen, rightsOf } from "./asker.ts";
import { type Failure, toFailure } from "./failure.ts";
import type { Items } from "./items.ts";
import { type AnyKind, Withdrawn } from "./kind.ts";
import { Meter } from "./meter.ts";
import type { TaskRecord } from "./records.ts";

/** How often those who listen hear of progress at most, and how often it is written down, in milliseconds. */
const TELL_EVERY_MS = 500;
const SAVE_EVERY_MS = 5_000;

/** How a run ended. `interrupted`: the server stops, and the task goes on after the next start. */
export type Outcome = "succeeded" | "cancelled" | "interrupted" | Failure;

export interface RunnerParts {
  readonly users: Pick<Users, "get">;
  readonly permissions: Permissions;
  readonly kinds: ReadonlyMap<string, AnyKind>;
  readonly clock: Clock;
  readonly log: Log;
  itemsOf(id: string): Items;
  /** Writes a record down. */
  save(record: TaskRecord): Promise<void>;
  /** Something of a record has changed that those who listen may want to know. */
  tell(record: TaskRecord): void;
  /** The record has come to another state. Must not reject. */
  told(record: TaskRecord): Promise<void>;
  /** Settles what a run came to. Must not reject. */
  ended(record: TaskRecord, outcome: Outcome): Promise<void>;
  /** A place has become free. */
  freed(): void;
}

/** A task while it runs. */
interface Running {
  readonly kind: string;
  readonly controller: AbortController;
  readonly meter: Meter;
  readonly ended: Promise<void>;
  toldAt: number;
  savedAt: number;
}

export class Runner {
  readonly #parts: RunnerParts;
  readonly #running = new Map<string, Running>();

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  has(id: string): boolean {
    return this.#running.has(id);
  }

  /** How many of a kind run. */
  count(kind: string): number {
    let count = 0;
    for (const one of this.#running.values()) if (one.kind === kind) count += 1;
    return count;
  }

  meterOf(id: string): Meter | undefined {
    return this.#running.get(id)?.meter;
  }

  begin(record: TaskRecord): void {
    const { clock } = this.#parts;
    const controller = new AbortController();
    const ended = Promise.withResolvers<void>();
    const now = clock.now();
    const times = { toldAt: now, savedAt: now };
    const meter = new Meter(clock);
    this.#running.set(record.id, { kind: record.kind, controller, meter, ended: ended.promise, ...times });
    void this.#run(record, controller.signal)
      .then((outcome) => this.#parts.ended(record, outcome))
      .finally(() => {
        this.#running.delete(record.id);
        ended.resolve();
        this.#parts.freed();
      });
  }

  cancel(id: string): void {
    this.#running.get(id)?.controller.abort(new CalledOff("the task was cancelled"));
  }

  /** Interrupts all, and resolves when they have ended. */
  async interrupt(reason: Interruption): Promise<void> {
    const all = [...this.#running.values()];
    for (const { controller } of all) controller.abort(reason);
    await Promise.all(all.map(({ ended }) => ended));
  }

  /** Never rejects. */
  async #run(record: TaskRecord, signal: AbortSignal): Promise<Outcome> {
    const { clock, log } = this.#parts;
    try {
      Object.assign(record, { state: "running", startedAt: record.startedAt ?? clock.now(), nextAt: undefined });
      await this.#parts.save(record);
      await this.#parts.told(record);
      this.#parts.tell(record);
      await this.#work(record, signal);
      return "succeeded";
    } catch (error) {
      if (error instanceof Withdrawn) return "cancelled";
      if (signal.aborted) return signal.reason instanceof Interruption ? "interrupted" : "cancelled";
      log.warn({ err: error, task: record.id, kind: record.kind }, "a task failed");
      return toFailure(error);
    }
  }

  async #work(record: TaskRecord, signal: AbortSignal): Promise<void> {
    const { users, permissions, log, kinds, itemsOf, save } = this.#parts;
    const kind = kinds.get(record.kind);
    if (!kind) throw new StorageError("unsupported", `there is no kind of task "${record.kind}" in this version`);
    const rights = rightsOf(permissions, kind.origin ? askerThen(record) : await askerNow(users, record));
    signal.throwIfAborted();
    await kind.run(kind.input.parse(JSON.parse(record.input)), {
      taskId: record.id,
      rights,
      signal,
      items: itemsOf(record.id),
      log,
      plan: record.plan,
      savePlan: async (plan) => {
        record.plan = plan;
        await save(record);
      },
      step: (text) => {
        record.step = text;
        this.#tellProgress(record);
      },
      progress: (totals) => {
        record.totals = totals;
        this.#tellProgress(record);
      },
      cameFurther: () => {
        record.tries = 0;
      },
    });
  }

  #tellProgress(record: TaskRecord): void {
    const running = this.#running.get(record.id);
    if (!running) return;
    const { clock, log, save, tell } = this.#parts;
    running.meter.hear(record.totals.bytesDone);
    const now = clock.now();
    if (now - running.toldAt >= TELL_EVERY_MS) {
      running.toldAt = now;
      tell(record);
    }
    if (now - running.savedAt < SAVE_EVERY_MS) return;
    running.savedAt = now;
    save(record).catch((error: unknown) => {
      log.warn({ err: error, task: record.id }, "a task's progress could not be written down");
    });
  }
}

/** What running tasks are told when the server stops. */
export class Interruption extends StorageError {
  constructor() {
    super("unavailable", "the server is stopping");
  }
}
