/** Runs tasks: each kind by its workers, in the order of asking, again after failures with growing delay, and on where it was after a restart. */
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Json } from "#drivers/contract/mount.ts";
import type { Permissions } from "../auth/permissions.ts";
import type { User, Users } from "../auth/users.ts";
import { randomText } from "../store/random-text.ts";
import type { Store } from "../store/store.ts";
import {
  type ENDED_STATES,
  type FailedItem,
  NO_TOTALS,
  type Task,
  type TaskEvent,
  type TaskQuery,
  type Tasks,
  type Totals,
} from "./api.ts";
import { askerOf, rightsOf } from "./asker.ts";
import { type Failure, retryDelay } from "./failure.ts";
import { Items } from "./items.ts";
import type { AnyKind } from "./kind.ts";
import { type TaskRecord, TaskRecords } from "./records.ts";
import { Interruption, type Outcome, Runner } from "./runner.ts";
import { showTask, subjectOf } from "./showing.ts";

/** Length of an id, as AList's (alist-api.md §13). */
const ID_LENGTH = 21;
/** Tasks that have ended and are listed unless more are asked for. */
const LISTED = 1_000;
/** Every so many tasks those that ended long ago are forgotten. */
const SWEEP_EVERY = 500;
/** How soon it is noticed that more may run at once than before, in milliseconds. */
const LOOK_AGAIN_MS = 3_000;
/** How long a task rests whose state could not be written down, in milliseconds. */
const UNWRITTEN_MS = 60_000;

export interface EngineParts {
  readonly store: Pick<Store, "db" | "takeBlock">;
  readonly users: Pick<Users, "get" | "owner">;
  readonly permissions: Permissions;
  readonly kinds: readonly AnyKind[];
  readonly clock: Clock;
  readonly log: Log;
  /** 0 … 1, for delays that do not all end at once; default random. */
  readonly jitter?: () => number;
}

/** The tasks of a data folder. */
export async function openEngine(parts: EngineParts): Promise<Tasks> {
  const records = new TaskRecords(parts.store.db);
  const engine = new Engine(parts, records);
  await engine.load();
  return engine;
}

class Engine implements Tasks {
  readonly #parts: EngineParts;
  readonly #records: TaskRecords;
  readonly #kinds: ReadonlyMap<string, AnyKind>;
  /** Those that have not ended, in the order of asking. */
  readonly #open = new Map<string, TaskRecord>();
  readonly #runner: Runner;
  /** To be forgotten as soon as they have stopped. */
  readonly #leaving = new Set<string>();
  readonly #listeners = new Set<(event: TaskEvent) => void>();
  readonly #closing = new AbortController();
  readonly #detach: (() => void)[] = [];
  #isStarted = false;
  #alarm: AbortController | undefined;

  constructor(parts: EngineParts, records: TaskRecords) {
    this.#parts = parts;
    this.#records = records;
    this.#kinds = new Map(parts.kinds.map((kind) => [kind.name, kind]));
    this.#runner = new Runner({
      ...parts,
      kinds: this.#kinds,
      itemsOf: (id) => this.#itemsOf(id),
      save: (record) => records.save(record),
      tell: (record) => this.#tell({ task: this.#show(record) }),
      told: (record) => this.#told(record),
      ended: (record, outcome) => this.#ended(record, outcome),
      freed: () => this.#pump(),
    });
  }

  get runs(): boolean {
    return this.#isStarted && !this.#closing.signal.aborted;
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** What the last process left: who ran goes on, who was about to be cancelled is. */
  async load(): Promise<void> {
    const now = this.#parts.clock.now();
    await this.#records.sweep(now);
    for (const record of await this.#records.open()) {
      if (record.state === "cancelling") {
        Object.assign(record, { state: "cancelled", endedAt: now });
        await this.#records.save(record);
        continue;
      }
      if (record.state === "running") record.state = "waiting";
      this.#open.set(record.id, record);
    }
  }

  async add(kindName: string, input: Json, user: User): Promise<Task> {
    const kind = this.#kinds.get(kindName);
    if (!kind) throw new StorageError("invalid-config", `there is no kind of task "${kindName}"`);
    const parsed = kind.input.safeParse(input);
    if (!parsed.success) {
      throw new StorageError("invalid-config", `the task cannot be taken on: ${parsed.error.issues[0]?.message}`);
    }
    await kind.check(parsed.data, rightsOf(this.#parts.permissions, user), this.#closing.signal);
    return this.#insert(randomText(ID_LENGTH), kindName, parsed.data as Json, user, NO_TOTALS);
  }

  async #insert(id: string, kind: string, input: Json, user: User, totals: Totals): Promise<Task> {
    const { clock, store } = this.#parts;
    const number = await store.takeBlock("task", 1);
    const record: TaskRecord = {
      ...askerOf(user),
      id,
      number,
      kind,
      input: JSON.stringify(input),
      createdAt: clock.now(),
      state: "waiting",
      step: "",
      error: undefined,
      tries: 0,
      nextAt: undefined,
      startedAt: undefined,
      endedAt: undefined,
      totals,
      plan: undefined,
    };
    await this.#records.insert(record);
    this.#open.set(record.id, record);
    if (number % SWEEP_EVERY === 0) await this.#records.sweep(clock.now());
    const task = this.#show(record);
    this.#tell({ task });
    this.#pump();
    return task;
  }

  /** Takes on what nobody asked for. */
  async #take(kind: AnyKind, owed: { id: string; input: Json; userId: number | undefined }): Promise<void> {
    const { users, log } = this.#parts;
    try {
      if (this.#open.has(owed.id)) return;
      const known = await this.#records.get(owed.id);
      if (known) return await this.#told(known);
      const user = (owed.userId === undefined ? undefined : await users.get(owed.userId)) ?? (await users.owner());
      await this.#insert(owed.id, kind.name, owed.input, user, kind.origin!.totals(owed.input));
    } catch (error) {
      log.warn({ err: error, task: owed.id }, "a task could not be written down: it begins after the next start");
    }
  }

  /** There is nothing left to do of a task, whatever its state. One that runs hears of it by itself. */
  async #settleNow(id: string, state: "succeeded" | "cancelled"): Promise<void> {
    if (this.#runner.has(id)) return;
    try {
      const record = await this.#find(id);
      if (record && record.state !== "succeeded") await this.#end(record, state, undefined);
    } catch (error) {
      this.#parts.log.warn({ err: error, task: id }, "a task's end could not be written down");
    }
  }

  /** Never rejects. */
  async #told(record: TaskRecord): Promise<void> {
    const { log } = this.#parts;
    const kind = this.#kinds.get(record.kind);
    try {
      await kind?.origin?.told(kind.input.parse(JSON.parse(record.input)), record.state, record.error);
    } catch (error) {
      log.warn({ err: error, task: record.id }, "the state of a task could not be noted where it belongs");
    }
  }

  #isKept(record: TaskRecord): boolean {
    const kind = this.#kinds.get(record.kind);
    return kind?.origin?.keeps(kind.input.parse(JSON.parse(record.input))) ?? false;
  }

  async list({ kind, ended, userId, limit = LISTED }: TaskQuery): Promise<readonly Task[]> {
    const open = [...this.#open.values()].filter(
      (one) =>
        !this.#leaving.has(one.id) &&
        (kind === undefined || one.kind === kind) &&
        (userId === undefined || one.userId === userId),
    );
    if (ended === false) return open.sort((a, b) => a.number - b.number).map((one) => this.#show(one));
    const query = { limit, ...(kind !== undefined && { kind }), ...(userId !== undefined && { userId }) };
    const past = await this.#records.ended(query);
    const all = ended ? past : [...past, ...open].sort((a, b) => a.number - b.number);
    return all.map((one) => this.#show(one));
  }

  async get(id: string): Promise<Task | undefined> {
    const record = await this.#find(id);
    return record && this.#show(record);
  }

  async failedItems(id: string, limit: number): Promise<readonly FailedItem[]> {
    const record = await this.#find(id);
    if (!record) return [];
    const { from } = subjectOf(record, this.#kinds.get(record.kind));
    const failed = await this.#itemsOf(id).failed(limit);
    return failed.map((item) => ({
      ...item,
      path: item.path.startsWith("/") ? item.path : item.path === "" ? from : `${from}/${item.path}`,
    }));
  }

  async cancel(id: string): Promise<void> {
    const record = this.#open.get(id);
    if (!record || record.state === "cancelling") return;
    if (!this.#runner.has(id)) {
      await this.#end(record, "cancelled", undefined);
      return;
    }
    record.state = "cancelling";
    this.#tell({ task: this.#show(record) });
    this.#runner.cancel(id);
    await this.#records.save(record);
  }

  async retry(id: string): Promise<void> {
    const record = await this.#find(id);
    if (!record || (record.state !== "failed" && record.state !== "cancelled" && record.state !== "retrying")) return;
    if (this.#kinds.get(record.kind)?.origin && !this.#isKept(record)) return;
    await this.#itemsOf(id).retryFailed();
    Object.assign(record, { state: "waiting", tries: 0, nextAt: undefined, endedAt: undefined, error: undefined });
    await this.#records.save(record);
    await this.#told(record);
    this.#open.set(id, record);
    this.#tell({ task: this.#show(record) });
    this.#pump();
  }

  async remove(id: string): Promise<void> {
    const record = await this.#find(id);
    if (!record) return;
    if (this.#isKept(record)) return this.cancel(id);
    if (this.#runner.has(id)) {
      this.#leaving.add(id);
      await this.cancel(id);
      this.#tell({ removed: id, userId: record.userId });
      return;
    }
    await this.#forget(record);
    this.#tell({ removed: id, userId: record.userId });
  }

  subscribe(listener: (event: TaskEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  start(): void {
    this.#isStarted = true;
    for (const kind of this.#kinds.values()) {
      const detach = kind.origin?.attach({
        take: (owed) => this.#take(kind, owed),
        settle: (id, state) => void this.#settleNow(id, state),
      });
      if (detach) this.#detach.push(detach);
    }
    this.#pump();
  }

  wakeLogins(): void {
    for (const record of this.#open.values()) {
      if (record.state === "retrying" && record.error?.class === "needs-login") record.nextAt = this.#parts.clock.now();
    }
    this.#pump();
  }

  async close(signal: AbortSignal): Promise<void> {
    const reason = new Interruption();
    this.#closing.abort(reason);
    for (const detach of this.#detach.splice(0)) detach();
    this.#alarm?.abort();
    const late = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([this.#runner.interrupt(reason), late]);
  }

  /** Starts what may run, and sleeps until the next one may. */
  #pump(): void {
    if (!this.runs) return;
    const now = this.#parts.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const record of this.#open.values()) {
      if (this.#runner.has(record.id)) continue;
      const { nextAt = 0, kind } = record;
      if (nextAt > now) next = Math.min(next, nextAt);
      else if (this.#runner.count(kind) < (this.#kinds.get(kind)?.workers ?? 1)) this.#runner.begin(record);
      else next = Math.min(next, now + LOOK_AGAIN_MS);
    }
    this.#wakeAt(next);
  }

  #wakeAt(at: number): void {
    this.#alarm?.abort();
    this.#alarm = undefined;
    if (at === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#parts;
    const alarm = new AbortController();
    this.#alarm = alarm;
    clock.sleep(Math.max(0, at - clock.now()), alarm.signal).then(
      () => this.#pump(),
      () => {}, // another time was set
    );
  }

  /** Never rejects: what cannot be written down is tried again later. */
  async #ended(record: TaskRecord, outcome: Outcome): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      await this.#settle(record, outcome);
    } catch (error) {
      log.warn({ err: error, task: record.id }, "a task's state could not be written down");
      Object.assign(record, { state: "retrying", nextAt: clock.now() + UNWRITTEN_MS });
    }
  }

  async #settle(record: TaskRecord, outcome: Outcome): Promise<void> {
    switch (outcome) {
      case "interrupted":
        return this.#records.save(record);
      case "cancelled":
        return this.#end(record, "cancelled", undefined);
      case "succeeded":
        await this.#end(record, "succeeded", undefined);
        return this.#itemsOf(record.id).clear();
      default:
        return this.#failed(record, outcome);
    }
  }

  async #failed(record: TaskRecord, failure: Failure): Promise<void> {
    const { clock, jitter = Math.random } = this.#parts;
    record.tries += 1;
    const delay = retryDelay(failure, record.tries, jitter());
    // Whoever was cancelled while it failed is not tried again.
    if (record.state === "cancelling") return this.#end(record, "cancelled", undefined);
    if (delay === undefined) return this.#end(record, "failed", failure);
    Object.assign(record, { state: "retrying", nextAt: clock.now() + delay, error: errorOf(failure) });
    await this.#records.save(record);
    await this.#told(record);
    this.#tell({ task: this.#show(record) });
  }

  async #end(record: TaskRecord, state: (typeof ENDED_STATES)[number], failure: Failure | undefined): Promise<void> {
    const error = failure && errorOf(failure);
    Object.assign(record, { state, endedAt: this.#parts.clock.now(), nextAt: undefined, error });
    if (this.#leaving.delete(record.id)) {
      await this.#forget(record);
      return;
    }
    await this.#records.save(record);
    await this.#told(record);
    this.#open.delete(record.id);
    this.#tell({ task: this.#show(record) });
  }

  async #forget(record: TaskRecord): Promise<void> {
    this.#open.delete(record.id);
    await this.#records.remove(record.id);
  }

  async #find(id: string): Promise<TaskRecord | undefined> {
    if (this.#leaving.has(id)) return undefined;
    return this.#open.get(id) ?? this.#records.get(id);
  }

  #itemsOf(id: string): Items {
    return new Items(this.#parts.store.db, id);
  }

  #tell(event: TaskEvent): void {
    if (event.task && this.#leaving.has(event.task.id)) return;
    for (const listener of this.#listeners) listener(event);
  }

  #show(record: TaskRecord): Task {
    return showTask(record, this.#kinds.get(record.kind), this.#runner.meterOf(record.id));
  }
}

function errorOf({ message, kind, class: failureClass }: Failure): NonNullable<Task["error"]> {
  return { message, ...(kind && { kind }), class: failureClass };
}
