/** A task as those outside see it. */
import type { Task } from "./api.ts";
import type { AnyKind } from "./kind.ts";
import type { Meter } from "./meter.ts";
import type { TaskRecord } from "./records.ts";

/** What a record shows; `meter` while it runs. */
export function showTask(record: TaskRecord, kind: AnyKind | undefined, meter: Meter | undefined): Task {
  const {
    id,
    kind: name,
    state,
    userId,
    creator,
    role,
    step,
    error,
    tries,
    nextAt,
    createdAt,
    startedAt,
    endedAt,
  } = record;
  const { totals, plan } = record;
  const [bytesPerSecond, etaMs] = [meter?.bytesPerSecond, meter?.etaMs(totals)];
  return {
    ...{ id, kind: name, state, userId, creator, creatorRole: role, step, tries, createdAt, totals },
    subject: subjectOf(record, kind),
    ...(error && { error }),
    ...(nextAt !== undefined && { nextAt }),
    ...(startedAt !== undefined && { startedAt }),
    ...(endedAt !== undefined && { endedAt }),
    ...(plan && { plan }),
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    ...(etaMs !== undefined && { etaMs }),
  };
}

/** What a task is about; `/` where its kind is not known to this version. */
export function subjectOf(record: Pick<TaskRecord, "input">, kind: AnyKind | undefined): Task["subject"] {
  const input = kind?.input.safeParse(JSON.parse(record.input));
  return kind && input?.success ? kind.describe(input.data) : { from: "/" };
}
