/** When a directory's listing in the tree is good enough, and taking a new one when it is not. */
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { isLoginOver, kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { Priority } from "#drivers/contract/mount.ts";
import { freshnessOf, judgeAge } from "./freshness.ts";
import type { MountedStorage } from "./mounted-storage.ts";
import type { ListOptions, VfsOptions } from "./resource.ts";
import { type DirectoryState, entryOf, type TreeNode } from "./tree/tree.ts";

/** How long a request waits for a new listing before it gets the old one, marked (architecture.md §5). */
const WAIT_FOR_REFRESH_MS = 5_000;

/** An explicit refresh of a directory listed less than this ago is answered from that listing. */
const MIN_REFRESH_INTERVAL_MS = 1_000;

/** Failures behind which a known listing is still worth showing; others say something about the directory itself. */
const STALE_IS_BETTER = new Set(["unauthenticated", "rate-limited", "blocked", "unavailable", "timeout", "upstream"]);

export interface KnownListing {
  readonly state: DirectoryState;
  /** Set when a newer listing should have been taken and could not. */
  readonly staleSeconds?: number;
}

/** The mount has another root than the one that was being used; what was asked of it is worth asking once more. */
class NewRootError extends StorageError {
  constructor(mountPath: string) {
    super("unavailable", `the storage at ${mountPath} has a new root`, { retryable: true });
  }
}

/** Does it once more where the root turned out to be a new one. */
export async function onNewRootAgain<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof NewRootError) return run();
    throw error;
  }
}

export class Listings {
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Makes sure that the tree holds a listing of the directory that may be shown now.
   * Throws what the storage failed with where there is none. `path` is the directory's path inside its mount.
   */
  async ensure(storage: MountedStorage, node: TreeNode, path: string, o: ListOptions): Promise<KnownListing> {
    const known = storage.tree.directory(node);
    if (!known) return { state: await this.refresh(storage, node, o.signal, o.priority) };
    const age = this.#clock.now() - known.listedAt;
    if (o.refresh) {
      if (age < MIN_REFRESH_INTERVAL_MS && o.refresh !== "always") return { state: known };
      return { state: await this.refresh(storage, node, o.signal, o.priority) };
    }
    if (storage.traits.cheapStat) {
      if (storage.watching.isClean(node.n)) return { state: known };
      return this.#refreshOrStale(storage, node, known, o);
    }
    switch (judgeAge(age, freshnessOf(path, storage.freshness, storage.traits))) {
      case "fresh":
        return { state: known };
      case "refresh-behind":
        this.refreshBehind(storage, node);
        return { state: known };
      case "refresh-first":
        return this.#refreshOrStale(storage, node, known, o);
    }
  }

  /** True when the tree may be believed that a name does not exist in the directory. */
  provesAbsence(storage: MountedStorage, node: TreeNode, path: string): boolean {
    const known = storage.tree.directory(node);
    if (!known) return false;
    if (storage.traits.cheapStat) return storage.watching.isClean(node.n);
    return (
      judgeAge(this.#clock.now() - known.listedAt, freshnessOf(path, storage.freshness, storage.traits)) === "fresh"
    );
  }

  /** Takes a new listing, shared by all who ask for it. Throws what the storage failed with; the tree is then as it was. */
  refresh(
    storage: MountedStorage,
    node: TreeNode,
    signal: AbortSignal | undefined,
    priority?: Priority,
  ): Promise<DirectoryState> {
    return storage.refreshes.join(node.n, (task) => this.#take(storage, node, task, priority), signal);
  }

  /** Takes a new listing in the background of what else goes on. */
  refreshBehind(storage: MountedStorage, node: TreeNode): void {
    if (storage.refreshes.has(node.n)) return;
    this.refresh(storage, node, undefined, "background").catch((error: unknown) => {
      if (isLoginOver(error)) return;
      this.#log.warn({ mount: storage.mountPath, err: error }, "a listing could not be refreshed");
    });
  }

  async #refreshOrStale(
    storage: MountedStorage,
    node: TreeNode,
    known: DirectoryState,
    o: VfsOptions,
  ): Promise<KnownListing> {
    // The listing goes on behind when this request's patience ends, so it is joined without a signal.
    const refreshing = this.refresh(storage, node, undefined, o.priority);
    const waited = await waitFor(refreshing, o.signal, WAIT_FOR_REFRESH_MS);
    if ("value" in waited) return { state: waited.value };
    if ("error" in waited) {
      const kind = kindOf(waited.error);
      if (waited.error instanceof NewRootError || !(kind && STALE_IS_BETTER.has(kind))) throw waited.error;
    }
    return { state: known, staleSeconds: Math.round((this.#clock.now() - known.listedAt) / 1000) };
  }

  async #take(
    storage: MountedStorage,
    node: TreeNode,
    signal: AbortSignal,
    priority: Priority | undefined,
  ): Promise<DirectoryState> {
    const mount = await storage.mount();
    const directory = entryOf(node);
    if (storage.traits.cheapStat && mount.watch) storage.watching.begin(node.n, directory, mount);
    const staging = await storage.tree.stage(node, this.#clock.now());
    try {
      for await (const page of mount.list(directory, { signal, ...(priority && { priority }) })) {
        await staging.add(page);
      }
      const { state } = await staging.commit();
      storage.succeeded();
      return state;
    } catch (error) {
      storage.watching.drop(node.n);
      await staging.abandon();
      storage.failed(error);
      if (node.parentN !== 0 || kindOf(error) !== "not-found") throw error;
      throw await this.#explainMissingRoot(storage, node, signal, error);
    }
  }

  /**
   * A mount's own root that is missing is a storage that is not there, or that has another root by now (somebody replaced the shared folder):
   * never a path that does not exist.
   */
  async #explainMissingRoot(
    storage: MountedStorage,
    node: TreeNode,
    signal: AbortSignal,
    cause: unknown,
  ): Promise<StorageError> {
    const root = await storage.askRoot(signal);
    if (root.n !== node.n) return new NewRootError(storage.mountPath);
    return new StorageError("unavailable", `the root of the storage at ${storage.mountPath} is not there`, { cause });
  }
}

/** How a promise ended, or nothing of that when `ms` passed first. Throws the signal's reason. One timer, no signals of its own: listings pass here by the thousand. */
function waitFor<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  ms: number,
): Promise<{ readonly value: T } | { readonly error: unknown } | { readonly late: true }> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const timer = setTimeout(() => end(() => resolve({ late: true })), ms);
    const leave = () => end(() => reject(signal.reason));
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      settle();
    };
    signal.addEventListener("abort", leave, { once: true });
    promise.then(
      (value) => end(() => resolve({ value })),
      (error: unknown) => end(() => resolve({ error })),
    );
  });
}
