/** COPY and MOVE of so much that a client may leave before the end: a task of the server does it, and whoever still waits is told how it ended (decision 0026). */
import { LRUCache } from "lru-cache";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import { ENDED_STATES, type Task, type Tasks } from "#server/tasks/api.ts";
import { shownTo } from "#server/vfs/permitted.ts";
import type { Resource } from "#server/vfs/resource.ts";
import { TooManyBytes } from "#server/vfs/too-many-bytes.ts";
import type { DavContext } from "./frame.ts";

/** What the front needs of the server's tasks. */
export type TransferTasks = Pick<Tasks, "runs" | "closing" | "add" | "list" | "get" | "subscribe">;

/** A copy or move, by full paths. */
export interface LongTransfer {
  readonly how: "copy" | "move";
  readonly from: string;
  readonly to: string;
}

/** Clients to which `102 Processing` is a sign of life, and how often they need one, in milliseconds: davfs2 gives up after 30 s without, what else is built on neon after 120 s. Go's client, and with it rclone's, fails at the sixth. */
const SIGNS: readonly { readonly agent: RegExp; readonly everyMs: number }[] = [
  { agent: /\bdavfs2\//, everyMs: 20_000 },
  { agent: /\bneon\//, everyMs: 90_000 },
];
/** neon fails at the 128th (cadaver 0.24, neon 0.32.5). */
const MOST_SIGNS = 120;

/** Most tasks whose end nobody waited for, and how long it may be asked for, in milliseconds. */
const UNHEARD = { max: 1_000, ttl: 3600_000 };

export class LongTransfers {
  readonly #tasks: TransferTasks | undefined;
  readonly #signEveryMs: number | undefined;
  /** Ids of tasks whose client left before the end: it may ask for the same again. */
  readonly #unheard = new LRUCache<string, string>(UNHEARD);

  /** Without tasks, what is too large is refused. `signEveryMs`: for tests. */
  constructor(tasks: TransferTasks | undefined, signEveryMs?: number) {
    this.#tasks = tasks;
    this.#signEveryMs = signEveryMs;
  }

  /** Runs `direct`, and where that is refused as too large the same as a task. Throws as the vfs, and the signal's reason when the client leaves: the task goes on, and the same request again waits for it. */
  async run(
    transfer: LongTransfer,
    overwrite: boolean,
    context: DavContext,
    direct: () => Promise<{ readonly created: boolean }>,
  ): Promise<{ readonly created: boolean }> {
    const tasks = this.#tasks;
    if (!tasks?.runs) return direct();
    const running = await this.#running(tasks, transfer, context);
    if (running) return this.#wait(tasks, running, transfer, true, context);
    const earlier = await this.#takeUnheard(tasks, transfer, context);
    if (earlier) {
      demandSuccess(earlier, context);
      if (transfer.how === "move" && !(await statOrNothing(context, transfer.from))) return { created: true };
    }
    try {
      return await direct();
    } catch (error) {
      if (!(error instanceof TooManyBytes)) throw error;
      const { from, to, how } = transfer;
      const there = await statOrNothing(context, to);
      const isDirectory = there?.kind === "directory" || (await statOrNothing(context, from))?.kind === "directory";
      // What is there may be what the same request of a moment ago has begun.
      const begun = await this.#running(tasks, transfer, context);
      if (begun) return this.#wait(tasks, begun, transfer, true, context);
      // A task enters a directory that is there already, where COPY replaces it (RFC 4918 §9.8.4): only what a task of the same request made may be there.
      if (there && isDirectory && !earlier) throw error;
      const input = { from, to, conflict: there && (overwrite || earlier) ? "replace" : "fail" };
      const task = await tasks.add(how, input, context.caller);
      return this.#wait(tasks, task, transfer, !there || earlier !== undefined, context);
    }
  }

  /** The caller's task that does the same already. */
  async #running(tasks: TransferTasks, { how, from, to }: LongTransfer, { caller }: DavContext) {
    const open = await tasks.list({ kind: how, ended: false, userId: caller.id });
    return open.find(({ subject }) => subject.from === from && subject.to === to);
  }

  async #takeUnheard(tasks: TransferTasks, transfer: LongTransfer, context: DavContext): Promise<Task | undefined> {
    const key = keyOf(transfer, context);
    const id = this.#unheard.get(key);
    this.#unheard.delete(key);
    return id === undefined ? undefined : tasks.get(id);
  }

  /** Waits for the task's end. */
  async #wait(
    tasks: TransferTasks,
    { id }: Task,
    transfer: LongTransfer,
    created: boolean,
    context: DavContext,
  ): Promise<{ readonly created: boolean }> {
    const { signal } = context;
    const over = Promise.withResolvers<Task | undefined>();
    over.promise.catch(() => {});
    const leave = () => {
      this.#unheard.set(keyOf(transfer, context), id);
      over.reject(signal.reason);
    };
    const stop = () => over.reject(stopping());
    const unsubscribe = tasks.subscribe(({ task, removed }) => {
      if (removed === id) over.resolve(undefined);
      if (task?.id === id && hasEnded(task)) over.resolve(task);
    });
    const signs = this.#showLife(context);
    signal.addEventListener("abort", leave, { once: true });
    tasks.closing.addEventListener("abort", stop, { once: true });
    try {
      if (signal.aborted) leave();
      else if (tasks.closing.aborted) stop();
      // It may have ended before anybody listened.
      const now = await tasks.get(id);
      demandSuccess(now && !hasEnded(now) ? await over.promise : now, context);
      return { created };
    } finally {
      unsubscribe();
      clearInterval(signs);
      signal.removeEventListener("abort", leave);
      tasks.closing.removeEventListener("abort", stop);
    }
  }

  #showLife({ request, response }: DavContext): NodeJS.Timeout | undefined {
    const known = SIGNS.find(({ agent }) => agent.test(request.headers["user-agent"] ?? ""));
    if (!known) return undefined;
    let signs = 0;
    return setInterval(() => {
      if (response.headersSent || response.destroyed || ++signs > MOST_SIGNS) return;
      response.writeProcessing();
    }, this.#signEveryMs ?? known.everyMs);
  }
}

/** What the client is told of a failure must not be asked for again: rclone repeats what is not 4xx for ever. */
function demandSuccess(task: Task | undefined, { rights }: DavContext): void {
  if (task?.state === "succeeded") return;
  const { message, kind } = task?.error ?? { message: "the task that did this was cancelled" };
  const shown = kind === "quota-exceeded" ? kind : "permission-denied";
  throw shownTo(rights, new StorageError(shown, task ? `${message} (task ${task.id})` : message));
}

function hasEnded({ state }: Task): boolean {
  return ENDED_STATES.some((one) => one === state);
}

function stopping(): StorageError {
  return new StorageError("unavailable", "the server is stopping: the task goes on when it has started again", {
    retryable: true,
  });
}

function keyOf({ how, from, to }: LongTransfer, { caller }: DavContext): string {
  return JSON.stringify([caller.id, how, from, to]);
}

async function statOrNothing({ vfs, signal }: DavContext, path: string): Promise<Resource | undefined> {
  try {
    return await vfs.stat(path, { signal });
  } catch (error) {
    if (kindOf(error) === "not-found") return undefined;
    throw error;
  }
}
