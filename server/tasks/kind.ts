/** What a kind of task is, and what it is handed when it runs. */
import type { z } from "zod";
import type { Log } from "#drivers/contract/driver.ts";
import type { Rights } from "../auth/permissions.ts";
import type { Plan, Task, TaskState, TaskSubject, Totals } from "./api.ts";
import type { Items } from "./items.ts";

/** A kind of task. A run may be the first or follow one that failed, was cancelled or was cut off at any moment: it goes on from what the items say. */
export interface TaskKind<I = unknown> {
  readonly name: string;
  /** Most that run at once, asked for each time that one may begin. */
  readonly workers: number;
  readonly input: z.ZodType<I>;
  describe(input: I): TaskSubject;
  /** Throws unless the asker may have it and it can be begun; asked before it is kept. */
  check(input: I, rights: Rights, signal: AbortSignal): Promise<void>;
  /** Does the work, or the rest of it. Throws what it failed with; an abort as the signal's reason. */
  run(input: I, run: TaskRun): Promise<void>;
  /** Set where nobody asks for such tasks: they come from what they are about, and run whatever its owner may by then. */
  readonly origin?: TaskOrigin<I>;
}

/** What tasks that nobody asks for come from. */
export interface TaskOrigin<I> {
  /** Called when tasks begin to run: hands over all that there is, and what comes until the returned function is called. */
  attach(taker: TaskTaker<I>): () => void;
  totals(input: I): Totals;
  /** True while there is something to do: such a task can be stopped, but not forgotten. */
  keeps(input: I): boolean;
  /** Hears of every state that a task comes to. */
  told(input: I, state: TaskState, error: Task["error"]): Promise<void>;
}

export interface TaskTaker<I> {
  /** Takes one on where it is not known yet, durably when it resolves. Never rejects. */
  take(owed: {
    readonly id: string;
    readonly input: I;
    /** Whose it is; undefined: nobody's, and so the owner's. */
    readonly userId: number | undefined;
  }): Promise<void>;
  /** What it was about is done, or there is nothing left to do. */
  settle(id: string, state: "succeeded" | "cancelled"): void;
}

/** What a run throws when there is nothing left to do, and not because it is done. */
export class Withdrawn extends Error {
  constructor() {
    super("what the task was about is gone");
    this.name = "Withdrawn";
  }
}

export interface TaskRun {
  readonly taskId: string;
  /** What the asker may do now. */
  readonly rights: Rights;
  readonly signal: AbortSignal;
  readonly items: Items;
  readonly log: Log;
  /** Known since an earlier run. */
  readonly plan: Plan | undefined;
  /** Durable when it resolves. */
  savePlan(plan: Plan): Promise<void>;
  /** Tells what it does at present, for people. */
  step(text: string): void;
  /** Tells how far it is. */
  progress(totals: Totals): void;
  /** Says that this run has achieved something: failures before it do not count against the next try. */
  cameFurther(): void;
}

/** A kind whose input type is not known here. */
// biome-ignore lint/suspicious/noExplicitAny: kinds of different inputs live in one map, and each checks its own
export type AnyKind = TaskKind<any>;
