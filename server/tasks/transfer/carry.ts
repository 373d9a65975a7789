/** Carries out what was planned: makes directories and copies files, some at a time. */
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import { parentOf } from "#drivers/contract/path.ts";
import type { Resource } from "../../vfs/resource.ts";
import type { Totals } from "../api.ts";
import { isFull, isStorageWide, toFailure } from "../failure.ts";
import { ItemLedger } from "../item-ledger.ts";
import type { Item } from "../items.ts";
import { sameness } from "./equal.ts";
import { holdsContentOf } from "./same-content.ts";
import { listAgain, precisionOf, statOrNothing, type Transfer } from "./transfer.ts";

/** Files that are on their way at once. */
const FILES_AT_ONCE = 4;
/** Failures in a row after which the storage is given a rest. */
const MOST_IN_A_ROW = 5;

/** Copies everything that is pending. Throws the first failure that is worth another try, where there was one; what failed for good is left in the items. */
export async function carry(t: Transfer): Promise<void> {
  await new Carrying(t).run();
}

class Carrying {
  readonly #t: Transfer;
  /** What is done, and is written down before anybody is told that all is. */
  readonly #ledger: ItemLedger;
  readonly #underWay = new Set<Promise<void>>();
  /** Bytes of files on their way, by item. */
  readonly #bytes = new Map<number, number>();
  #totals: Totals | undefined;
  #again: unknown;
  #inARow = 0;
  #isOver = false;

  constructor(t: Transfer) {
    this.#t = t;
    this.#ledger = new ItemLedger(t.run.items);
  }

  async run(): Promise<void> {
    const { items, signal } = this.#t.run;
    this.#totals = await items.totals();
    this.#report();
    try {
      for (let after = 0; !this.#isOver; ) {
        const batch = await items.inState("pending", after);
        if (batch.length === 0) break;
        for (const item of batch) {
          after = item.n;
          if (this.#isOver) break;
          signal.throwIfAborted();
          await this.#take(item);
        }
      }
    } finally {
      await Promise.all(this.#underWay);
      await this.#ledger.write();
    }
    this.#totals = await items.totals();
    this.#report();
    signal.throwIfAborted();
    if (this.#again !== undefined) throw this.#again;
  }

  /** A directory is made before anything goes into it; files only wait for a free place. */
  async #take(item: Item): Promise<void> {
    if (item.kind === "directory") {
      await this.#attempt(item, () => (item.way === "bytes" ? this.#makeDirectory(item) : this.#takeAtOnce(item)));
      return;
    }
    const isMove = item.way === "service" && this.#t.how === "move";
    const one = this.#attempt(item, () => (isMove ? this.#takeAtOnce(item) : this.#copyFile(item)))
      .catch((error: unknown) => this.#stop(error))
      .finally(() => this.#underWay.delete(one));
    this.#underWay.add(one);
    if (this.#underWay.size >= FILES_AT_ONCE) await Promise.race(this.#underWay);
  }

  /** Does the work on one item, and writes down what it failed with. */
  async #attempt(item: Item, work: () => Promise<void>): Promise<void> {
    const { items, signal, log, taskId } = this.#t.run;
    try {
      this.#t.demand(item.path);
      await work();
      this.#inARow = 0;
      this.#t.run.cameFurther();
    } catch (error) {
      if (signal.aborted) {
        this.#isOver = true;
        return;
      }
      const failure = toFailure(error);
      log.debug({ err: error, task: taskId, item: item.path }, "a part of a task failed");
      if (failure.class === "permanent") {
        if (item.kind === "directory") await items.failBelow(item, failure);
        else await items.update(item.n, { state: "failed", failure });
        if (isFull(failure)) this.#stop(error);
      } else {
        this.#again ??= error;
        this.#inARow += 1;
        // Into a directory that is not there yet nothing goes.
        if (item.kind === "directory" || isStorageWide(failure) || this.#inARow >= MOST_IN_A_ROW) this.#stop(error);
      }
    } finally {
      this.#bytes.delete(item.n);
      this.#report();
    }
  }

  #stop(error: unknown): void {
    this.#again = error;
    this.#isOver = true;
  }

  async #makeDirectory(item: Item): Promise<void> {
    const { whole, run } = this.#t;
    const { signal } = run;
    const [from, to] = [this.#t.source(item.path), this.#t.target(item.path)];
    let made = false;
    if (item.found === "nothing") {
      try {
        // The directory alone, with what clients keep with it.
        await whole.copy(from, to, { signal, conflict: "fail", anySize: true, recursive: false });
        made = true;
      } catch (error) {
        const there = isTaken(error) ? await statOrNothing(whole, to, signal) : undefined;
        if (there?.kind !== "directory") throw error;
      }
    }
    await this.#ledger.add(item.n, { state: "done", ...(made && { made }) });
  }

  /** One call does all of it; where a service does not take it after all, the filesystem copies it entry by entry. */
  async #takeAtOnce(item: Item): Promise<void> {
    const { whole, run, how } = this.#t;
    const o = { signal: run.signal, conflict: "fail", anySize: true } as const;
    await whole[how](this.#t.source(item.path), this.#t.target(item.path), o);
    // At once: where the source is gone, the next run could not tell that this one moved it.
    await run.items.update(item.n, { state: "done", made: true });
  }

  async #copyFile(item: Item): Promise<void> {
    const { whole, run } = this.#t;
    const { signal } = run;
    const [from, to] = [this.#t.source(item.path), this.#t.target(item.path)];
    const send = async (conflict: "fail" | "replace") => {
      const { source } = await whole.copy(from, to, {
        ...{ signal, conflict, anySize: true, priority: "background" as const },
        onProgress: (bytes) => {
          this.#bytes.set(item.n, bytes);
          this.#report();
        },
      });
      return source;
    };
    const source = await this.#sendOnce(item, send);
    const size = source.sizeIs === "about" ? undefined : source.size;
    const isAsPlanned = source.etag === item.etag && size === item.size;
    await this.#ledger.add(item.n, { state: "done", made: true, ...(!isAsPlanned && { etag: source.etag, size }) });
    const bytes = (size ?? 0) - (item.size ?? 0);
    this.#add({ filesDone: 1, bytesDone: size ?? 0, bytes });
  }

  /** Sends a file unless this task has stored it before it could write that down. Returns the source as it is stored. */
  async #sendOnce(item: Item, send: (conflict: "fail" | "replace") => Promise<Resource>): Promise<Resource> {
    const { whole, how, run } = this.#t;
    const { signal } = run;
    const [from, to] = [this.#t.source(item.path), this.#t.target(item.path)];
    const both = async () =>
      [await whole.stat(from, { signal, priority: "background" }), await statOrNothing(whole, to, signal)] as const;
    if (item.found === "other" || item.made) {
      // It differed when it was planned.
      const [source, there] = await both();
      const same = there && sameness(source, there, precisionOf(this.#t));
      if (same === "by-hash" || (same === "by-time" && how === "copy")) return source;
      return send("replace");
    }
    try {
      return await send("fail");
    } catch (error) {
      if (!isTaken(error)) throw error;
      // What the storage refused the name for may be younger than what is known of the directory.
      await listAgain(this.#t, parentOf(to));
      const [source, there] = await both();
      if (!there) throw error;
      // Nothing was there when it was planned: what is now and is the same, this task has stored.
      const isSame =
        sameness(source, there, precisionOf(this.#t)) !== "different" ||
        (await holdsContentOf(whole, from, there, signal));
      return isSame ? source : this.#meet(item, there.kind, error, send);
    }
  }

  /** Somebody else has stored something there meanwhile. */
  async #meet(
    item: Item,
    kind: string,
    error: unknown,
    send: (conflict: "replace") => Promise<Resource>,
  ): Promise<Resource> {
    if (this.#t.conflict === "replace" && kind === "file") return send("replace");
    const path = this.#t.target(item.path);
    throw new StorageError("already-exists", `${path} has appeared meanwhile, and is another file`, { cause: error });
  }

  #add(more: Partial<Totals>): void {
    const totals = { ...this.#totals! };
    for (const [name, value] of Object.entries(more)) totals[name as keyof Totals] += value;
    this.#totals = totals;
  }

  #report(): void {
    if (!this.#totals) return;
    let bytes = this.#totals.bytesDone;
    for (const some of this.#bytes.values()) bytes += some;
    this.#t.run.progress({ ...this.#totals, bytesDone: bytes });
  }
}

/** The vfs says so where something is in the way; a checksum that does not fit is `precondition-failed` too. */
function isTaken(error: unknown): boolean {
  const kind = kindOf(error);
  return kind === "already-exists" || kind === "precondition-failed";
}
