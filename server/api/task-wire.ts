/** Tasks as AList's clients read them (alist-api.md §13), and as our own do. */
import { z } from "@hono/zod-openapi";
import { ERROR_KINDS } from "#drivers/contract/errors.ts";
import { isWithin, nameOf, parentOf } from "#drivers/contract/path.ts";
import { visiblePath } from "../auth/permissions.ts";
import type { User } from "../auth/users.ts";
import type { FailedItem, Task, TaskState } from "../tasks/api.ts";
import type { Storages } from "../vfs/api.ts";
import { type Dialect, roleOf } from "./dialect.ts";
import { toTime } from "./objects.ts";

export const taskInfoSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    creator: z.string(),
    creator_role: z.union([z.int(), z.array(z.int())]),
    state: z.int(),
    status: z.string(),
    progress: z.number(),
    start_time: z.string().nullable(),
    end_time: z.string().nullable(),
    total_bytes: z.int(),
    error: z.string(),
  })
  .openapi("TaskInfo");
export type TaskInfo = z.input<typeof taskInfoSchema>;

/** AList's numbers (alist-api.md §13). */
const STATES = {
  waiting: 0,
  running: 1,
  succeeded: 2,
  cancelling: 3,
  cancelled: 4,
  failed: 7,
  retrying: 8,
} as const satisfies Record<TaskState, number>;

/** The words of AList's servers for our steps: a client in Python refuses a list of tasks that holds others (alist-api.md §13). */
const STATUSES: Readonly<Record<string, string>> = {
  "looking at what there is": "getting src object",
  copying: "uploading",
  moving: "uploading",
  "removing what was moved": "uploading",
};

/** A task on AList's wire, for one viewer. */
export function toTaskInfo(task: Task, viewer: User, storages: Pick<Storages, "at">, dialect: Dialect): TaskInfo {
  const time = (ms: number | undefined) => (ms === undefined ? null : toTime(ms));
  return {
    id: task.id,
    name: nameOfTask(task, viewer, storages),
    creator: task.creator,
    creator_role: roleOf({ ...viewer, role: task.creatorRole }, dialect),
    state: STATES[task.state],
    status: STATUSES[task.step] ?? task.step,
    progress: progressOf(task),
    start_time: time(task.startedAt),
    end_time: time(task.endedAt),
    total_bytes: task.totals.bytes,
    error: task.error?.message ?? (task.state === "cancelled" ? "cancelled" : ""),
  };
}

/** AList's form, which its web page takes apart again (alist-api.md §13). */
function nameOfTask({ kind, subject: { from, to } }: Task, viewer: User, storages: Pick<Storages, "at">): string {
  const place = (path: string) => placeOf(path, viewer, storages);
  if (to === undefined) return `${kind} ${place(from)}`;
  return `${kind} ${kind === "upload" ? nameOf(from) : place(from)} to ${place(parentOf(to))}`;
}

/** `[mount](path inside)` as the viewer sees both; nothing of what lies outside his folder. */
function placeOf(path: string, { basePath }: User, storages: Pick<Storages, "at">): string {
  if (!isWithin(path, basePath)) return "[]()";
  const mount = storages.at(path)?.mountPath ?? "/";
  const base = isWithin(mount, basePath) ? mount : basePath;
  const shownBase = isWithin(base, basePath) ? base.slice(basePath === "/" ? 0 : basePath.length) || "/" : "/";
  return `[${shownBase}](${(base === "/" ? path : path.slice(base.length)) || "/"})`;
}

/** 0 … 100. */
function progressOf({ state, totals }: Task): number {
  if (state === "succeeded") return 100;
  const { bytes, bytesDone, files, filesDone, filesSkipped } = totals;
  const part = bytes > 0 ? bytesDone / bytes : files > 0 ? (filesDone + filesSkipped) / files : 0;
  return Math.min(100, 100 * part);
}

const amountSchema = z.object({ files: z.int(), bytes: z.number() });

/** A task on our own routes; times in milliseconds since the epoch. */
export const taskSchema = z
  .object({
    id: z.string(),
    kind: z.string(),
    state: z.enum(Object.keys(STATES) as [TaskState, ...TaskState[]]),
    creator: z.string(),
    from: z.string().optional(),
    to: z.string().optional(),
    count: z.int().optional(),
    step: z.string(),
    error: z
      .object({
        message: z.string(),
        kind: z.enum(ERROR_KINDS).optional(),
        class: z.enum(["retryable", "permanent", "needs-login"]),
      })
      .optional(),
    tries: z.int(),
    nextAt: z.number().optional(),
    createdAt: z.number(),
    startedAt: z.number().optional(),
    endedAt: z.number().optional(),
    totals: z.object({
      files: z.int(),
      filesDone: z.int(),
      filesSkipped: z.int(),
      filesFailed: z.int(),
      directories: z.int(),
      bytes: z.number(),
      bytesDone: z.number(),
    }),
    plan: z
      .object({ skip: amountSchema, service: amountSchema, receive: amountSchema, bytes: amountSchema })
      .optional(),
    bytesPerSecond: z.number().optional(),
    etaMs: z.number().optional(),
  })
  .openapi("Task");

/** A task as its viewer may know it: paths outside his folder are left out. */
export function toOwnTask(
  { userId: _, creatorRole: __, subject, ...task }: Task,
  viewer: User,
): z.input<typeof taskSchema> {
  const [from, to] = [subject.from, subject.to].map((path) => (path === undefined ? path : visiblePath(viewer, path)));
  return {
    ...task,
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(subject.count !== undefined && { count: subject.count }),
  };
}

export const failedItemSchema = z.object({
  path: z.string(),
  message: z.string(),
  kind: z.enum(ERROR_KINDS).optional(),
});

/** What failed inside his folder. */
export function toOwnItems(items: readonly FailedItem[], viewer: User): z.input<typeof failedItemSchema>[] {
  return items.flatMap((item) => {
    const path = visiblePath(viewer, item.path);
    return path === undefined ? [] : [{ ...item, path }];
  });
}
