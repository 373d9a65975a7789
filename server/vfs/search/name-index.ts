/** The index of names as the vfs uses it: begins its thread when there is something to do, and tells it of changes (decision 0022). */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Tree } from "../tree/tree.ts";
import { FileOfNames } from "./file-of-names.ts";
import type { Ask, IndexStatus, KeeperOptions, SearchReply, SearchRequest, Told } from "./protocol.ts";

/** How long changes are collected before the thread hears of them, in milliseconds; at first longer, so that a command that ends soon begins none. */
const COLLECTED_MS = 200;
const AT_FIRST_MS = 1_500;
/** A thread with nothing to do ends after this, in milliseconds: it takes some 20 MB, and begins again within a tenth of a second. */
const IDLE_MS = 60_000;
/** A thread that ended by itself is not begun again sooner, in milliseconds. */
const AGAIN_AFTER_MS = 5_000;
/** How long the thread may take to end, in milliseconds. */
const CLOSE_MS = 1_000;

export interface NameIndex {
  /** Throws `unsupported` while it is off, `unavailable` where its thread fails, the signal's reason. */
  search(request: SearchRequest, signal: AbortSignal): Promise<SearchReply>;
  status(): Promise<IndexStatus>;
  /** Fills it again, behind, where it was cleared: else it has every name of the tree. Throws as `search`. */
  fill(): Promise<void>;
  /** Empties it; it stays so until `fill`. Throws as `search`. */
  clear(): Promise<void>;
  /** Resolves when what the tree has now is in it, as far as one may wait for that. */
  heed(): Promise<void>;
  close(): Promise<void>;
}

export interface NameIndexOptions {
  readonly tree: Pick<Tree, "birth" | "nameMarks">;
  readonly dataDir: string;
  /** Asked again and again. */
  readonly isWanted: () => boolean;
  readonly log: Log;
  /** When a thread with nothing to do ends, in milliseconds; default a minute. */
  readonly idleMs?: number;
}

/** The index in `<data folder>/search.db`. While it is not wanted it has no file, and the tree notes nothing for it. */
export function openNameIndex(options: NameIndexOptions): NameIndex {
  return new ThreadedIndex(options);
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

class ThreadedIndex implements NameIndex {
  readonly #options: NameIndexOptions;
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;
  #timer: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  /** The last marks that the thread has heeded and that are still there. */
  #heeded = 0;
  #forgetting: Promise<void> | undefined;

  constructor(options: NameIndexOptions) {
    this.#options = options;
    this.#path = join(options.dataDir, "search.db");
    const { nameMarks } = options.tree;
    this.#isOn();
    nameMarks.onTouched(() => this.#touched());
    // What the last process left, and a tree that no index has seen.
    this.#touched();
  }

  search(request: SearchRequest, signal: AbortSignal): Promise<SearchReply> {
    return this.#ask((id) => ({ id, ask: "search", request }), signal) as Promise<SearchReply>;
  }

  async status(): Promise<IndexStatus> {
    if (!this.#isOn()) return { state: "off", names: 0, waiting: 0, bytes: 0 };
    return this.#ask((id) => ({ id, ask: "status" })) as Promise<IndexStatus>;
  }

  async fill(): Promise<void> {
    await this.#ask((id) => ({ id, ask: "fill" }));
  }

  async clear(): Promise<void> {
    await this.#ask((id) => ({ id, ask: "clear" }));
  }

  async heed(): Promise<void> {
    await this.#ask((id) => ({ id, ask: "heed" }));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#idle);
    const worker = this.#worker;
    if (worker) {
      const ended = new Promise<void>((resolve) => void worker.once("exit", () => resolve()));
      const late = setTimeout(() => void worker.terminate(), CLOSE_MS);
      worker.ref();
      worker.postMessage({ id: ++this.#lastId, ask: "close" } satisfies Ask);
      await ended;
      clearTimeout(late);
    }
    await this.#forgetting;
  }

  /** Follows the setting, and says what it is. */
  #isOn(): boolean {
    const { tree, isWanted } = this.#options;
    const wanted = isWanted();
    const kept = tree.nameMarks.isKept();
    if (wanted && !kept) {
      // In this order: whenever it ends in between, the index is made from the whole tree.
      this.#stop();
      FileOfNames.discard(this.#path);
      tree.nameMarks.keep();
    } else if (!wanted && kept) {
      tree.nameMarks.drop();
      this.#stop();
      FileOfNames.discard(this.#path);
    }
    return wanted;
  }

  #touched(afterMs = this.#worker ? COLLECTED_MS : AT_FIRST_MS): void {
    if (this.#timer || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#isClosed || !this.#isOn()) return;
      this.#begun()?.postMessage({ ask: "touched" } satisfies Ask);
    }, afterMs);
    // A command that ends sooner leaves it to the next process.
    this.#timer.unref();
  }

  #ask(make: (id: number) => Ask, signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (!this.#isOn()) throw new StorageError("unsupported", "names are not indexed: search_index is none");
      const worker = this.#begun();
      if (!worker) throw unavailable();
      const id = ++this.#lastId;
      const leave = () => {
        this.#waiting.delete(id);
        left();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", leave, { once: true });
      worker.ref();
      const left = () => {
        signal?.removeEventListener("abort", leave);
        if (this.#waiting.size === 0) worker.unref();
      };
      this.#waiting.set(id, {
        resolve(value) {
          left();
          resolve(value);
        },
        reject(error) {
          left();
          reject(error);
        },
      });
      worker.postMessage(make(id));
    });
  }

  /** Lets a thread go that nobody has used for a while. */
  #waitForIdleness(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.#letGo().catch(() => {}); // whoever needs it next hears what is wrong
    }, this.#options.idleMs ?? IDLE_MS);
    this.#idle.unref();
  }

  async #letGo(): Promise<void> {
    if (!this.#worker || this.#isClosed || !this.#isOn()) return;
    const { state, waiting } = await this.status();
    const worker = this.#worker;
    if (!worker || this.#isClosed || this.#waiting.size > 0 || state === "building" || waiting > 0) return;
    clearTimeout(this.#idle);
    this.#worker = undefined;
    worker.postMessage({ id: ++this.#lastId, ask: "close" } satisfies Ask);
  }

  /** The thread; undefined where it has just failed. */
  #begun(): Worker | undefined {
    this.#waitForIdleness();
    if (this.#worker || this.#isClosed) return this.#worker;
    if (performance.now() - this.#failedAt < AGAIN_AFTER_MS) return undefined;
    const { tree } = this.#options;
    const { path, lastAtOpen } = tree.nameMarks;
    const data: KeeperOptions = { treePath: path, indexPath: this.#path, birth: tree.birth, lastAtOpen };
    const worker = new Worker(WORKER, { workerData: data, execArgv: [], resourceLimits: LIMITS });
    worker.unref();
    worker.on("message", (told: Told) => this.#hear(told));
    worker.on("error", (error) => this.#failed(worker, error));
    worker.on("exit", () => this.#left(worker));
    this.#worker = worker;
    // It looks at everything as it begins.
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return worker;
  }

  #hear(told: Told): void {
    if ("heeded" in told) {
      this.#heeded = told.heeded;
      this.#forget();
      return;
    }
    const waiting = this.#waiting.get(told.id);
    this.#waiting.delete(told.id);
    if ("value" in told) waiting?.resolve(told.value);
    else waiting?.reject(new Error(`the index of names failed: ${told.failure}`));
  }

  /** Lets go of the marks that were heeded. */
  #forget(): void {
    if (this.#forgetting || this.#isClosed) return;
    const upTo = this.#heeded;
    this.#forgetting = this.#options.tree.nameMarks
      .forget(upTo)
      .catch((error: unknown) => this.#options.log.warn({ err: error }, "marks of heeded names stay"))
      .finally(() => {
        this.#forgetting = undefined;
        if (this.#heeded > upTo) this.#forget();
      });
  }

  #failed(worker: Worker, error: unknown): void {
    this.#failedAt = performance.now();
    this.#options.log.warn({ err: error }, "the index of names failed, and is begun again");
    this.#left(worker);
  }

  #left(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const waiting of this.#waiting.values()) waiting.reject(unavailable());
    this.#waiting.clear();
  }

  #stop(): void {
    const worker = this.#worker;
    if (!worker) return;
    this.#left(worker);
    void worker.terminate();
  }
}

function unavailable(): StorageError {
  return new StorageError("unavailable", "the index of names is not to be had at present", { retryable: true });
}

/** Sources are run as they are; the package has the thread as a file of its own beside this one. */
const WORKER = new URL(`./name-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

/** Megabytes that the thread may take: it holds a page of names at a time. */
const LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 };
