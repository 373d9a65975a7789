/** `replace` for services that cannot do it in one step: the old file lives until the new one is complete and verified, and a journal row bridges a crash. */
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { BatchOutcome, CallOptions, Entry, Mount, MoveOptions } from "#drivers/contract/mount.ts";
import type { CompleteOptions } from "./complete.ts";
import { type Replacement, toRow } from "./journal.ts";
import { around, type Call, optionsOf } from "./layer.ts";
import { settle } from "./recover.ts";
import { namesakes, removeAll, renameTo, temporaryName } from "./replace-steps.ts";
import { Unfinished } from "./unfinished.ts";
import { verifyUpload } from "./verify-upload.ts";

/** `inner` with `upload`, `move` and `copy` that honour `conflict: "replace"`; they need the mount's `move` and `remove`. */
export function withReplace(inner: Mount, { journal, random }: CompleteOptions): Mount {
  const canReplace = inner.move !== undefined && inner.remove !== undefined;
  const unfinished = new Unfinished(journal, (plan, o) => settle(inner, plan, unstoppable(o)));

  async function upload(call: Extract<Call, { operation: "upload" }>): Promise<Entry> {
    const [parent, name, source, o] = call.args;
    const stored = (as: string) => inner.upload!(parent, as, source, { ...o, conflict: "fail" });
    const old = await namesakes(inner, parent, name, o, () => o.onProgress?.(0));
    if (old.length === 0) return stored(name);
    refuse(old, canReplace);
    const plan: Replacement = {
      stage: "uploading",
      parent,
      name,
      temporary: temporaryName(name, random),
      old: old.map((entry) => entry.id),
    };
    const row = await journal.add(toRow(plan));
    let staged: Entry | undefined;
    try {
      staged = await stored(plan.temporary);
      await verifyUpload(staged, source);
      o.signal.throwIfAborted();
      await journal.update(row, toRow({ ...plan, stage: "swapping" }));
    } catch (error) {
      await end(row, plan, o);
      throw error;
    }
    const swapping: Replacement = { ...plan, stage: "swapping" };
    try {
      await removeAll(
        inner,
        old.filter((entry) => entry.id !== staged.id),
        unstoppable(o),
      );
    } catch (error) {
      // Only when the old file is seen to stand may the new one go; while that is unknown the row stays.
      const standing = await orLeft(row, swapping, namesakes(inner, parent, name, unstoppable(o)));
      if (plan.old.every((id) => standing.some((entry) => entry.id === id))) {
        await end(row, plan, o);
        throw error;
      }
    }
    const placed = await orLeft(row, swapping, renameTo(inner, staged, parent, name, unstoppable(o)));
    await journal.remove(row);
    return placed;
  }

  /** One entry of a move or copy: what has its name steps aside, and goes when the new one is there. */
  async function place(call: Transfer, entry: Entry): Promise<BatchOutcome> {
    const [, parent, o] = call.args;
    const name = o.name ?? entry.name;
    const transfer = async (): Promise<BatchOutcome> =>
      (await inner[call.operation]!([entry], parent, { ...o, conflict: "fail" }))[0] ?? {};
    const old = (await namesakes(inner, parent, name, o)).filter((other) => other.id !== entry.id);
    if (old.length === 0) return transfer();
    if (!canReplace) refuse(old, false);
    const plan: Replacement = {
      stage: call.operation === "move" ? "moving" : "copying",
      parent,
      name,
      temporary: temporaryName(name, random),
      old: old.map((other) => other.id),
    };
    const row = await journal.add(toRow(plan));
    let outcome: BatchOutcome;
    try {
      for (const other of old) await renameTo(inner, other, parent, plan.temporary, unstoppable(o));
      outcome = await transfer();
      if (outcome.error) throw outcome.error;
      await journal.update(row, toRow({ ...plan, stage: "placed" }));
    } catch (error) {
      // What took the name in between is somebody's, not half a copy of ours.
      const stage = kindOf(error) === "already-exists" ? "moving" : plan.stage;
      await end(row, { ...plan, stage }, o);
      throw error;
    }
    await end(row, { ...plan, stage: "placed" }, o);
    return outcome;
  }

  /** Brings a replacement to its end; where that fails it is left for later, and the caller hears what it asked about. */
  async function end(row: number, plan: Replacement, o: CallOptions): Promise<void> {
    unfinished.add(row, plan);
    await unfinished.endIn(plan.parent, o).catch(() => {});
  }

  /** What a step gives; where it fails the replacement is left for later. */
  async function orLeft<T>(row: number, plan: Replacement, step: Promise<T>): Promise<T> {
    try {
      return await step;
    } catch (error) {
      unfinished.add(row, plan);
      throw error;
    }
  }

  return around(inner, {
    async *list(directory, o, next) {
      await unfinished.endIn(directory, o);
      yield* next();
    },
    async call(call, next) {
      const target = targetOf(call);
      if (target) await unfinished.endIn(target, optionsOf(call));
      if (call.operation === "upload" && call.args[3].conflict === "replace") return upload(call);
      if ((call.operation === "move" || call.operation === "copy") && call.args[2].conflict === "replace") {
        const outcomes: BatchOutcome[] = [];
        for (const entry of call.args[0]) outcomes.push(await settled(place(call, entry), call.args[2].signal));
        return outcomes;
      }
      return next();
    },
  });
}

/** The directory in which a call makes something. */
function targetOf(call: Call): Entry | undefined {
  if (call.operation === "upload" || call.operation === "createDirectory") return call.args[0];
  return call.operation === "move" || call.operation === "copy" ? call.args[1] : undefined;
}

type Transfer = Extract<Call, { operation: "move" | "copy" }>;

async function settled(placing: Promise<BatchOutcome>, signal: AbortSignal): Promise<BatchOutcome> {
  try {
    return await placing;
  } catch (error) {
    if (signal.aborted || !(error instanceof StorageError)) throw error;
    return { error };
  }
}

function refuse(old: readonly Entry[], canReplace: boolean): void {
  if (!canReplace)
    throw new StorageError("unsupported", "this storage cannot replace a file: remove the old one first");
  const directory = old.find((entry) => entry.kind === "directory");
  if (directory) throw new StorageError("is-a-directory", `${directory.name} is a directory`);
}

/** From the first step that touches the old file on, a caller that leaves must not stop the rest; each call keeps its own limits below. */
function unstoppable(o: CallOptions): Pick<MoveOptions, "signal" | "priority"> {
  return { signal: AbortSignal.timeout(STEP_LIMIT_MS), ...(o.priority && { priority: o.priority }) };
}

/** Longest time that one step of a swap may take, in milliseconds. */
const STEP_LIMIT_MS = 60_000;
