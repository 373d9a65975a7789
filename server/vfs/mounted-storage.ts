/** One storage of the mount table while it is enabled: its mount, its tree, and how it is doing. */
import type { AnyDriver, Clock, Log } from "#drivers/contract/driver.ts";
import { isLoginOver, kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import { type Capabilities, capabilitiesOf, type Traits } from "#drivers/contract/traits.ts";
import type { Freshness, StorageInfo } from "./api.ts";
import type { MountFacts } from "./node-resource.ts";
import { defaultMode, REPLY_WITHIN_MS, type ReplyMode } from "./pending/reply-mode.ts";
import type { Remembered } from "./properties/remembered.ts";
import type { RememberedNodes } from "./properties/remembered-nodes.ts";
import type { WriteOptions } from "./resource.ts";
import { SharedTasks } from "./shared-tasks.ts";
import type { DirectoryState, MountTree, TreeNode } from "./tree/tree.ts";
import { Watching } from "./watching.ts";

/** A mount that failed to open is tried again when somebody asks, but not more often than this. */
const REOPEN_AFTER_MS = 5_000;

/** Failures that say something about the whole storage, not about one entry. */
const STORAGE_WIDE = new Set([
  "unauthenticated",
  "blocked",
  "unavailable",
  "timeout",
  "invalid-config",
  "rate-limited",
]);

type Ability = Exclude<keyof Capabilities, "list" | "traits">;

export interface MountedStorageOptions {
  readonly id: number;
  readonly mountPath: string;
  readonly definition: AnyDriver;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly freshness?: Freshness;
  readonly delivery: StorageInfo["delivery"];
  readonly placeholders: StorageInfo["placeholders"];
  /** Absent: as the driver needs. */
  readonly writeMode?: ReplyMode;
  readonly replyWithinMs?: number;
  /** What the upload of a file that waits here has failed with. */
  readonly pendingFailure: MountFacts["pendingFailure"];
  readonly tree: MountTree;
  readonly remembered: Pick<RememberedNodes, "of">;
  /** Opens the driver's mount under the full stack; makes no upstream call. */
  readonly open: (signal: AbortSignal) => Promise<Mount>;
  readonly clock: Clock;
  readonly log: Log;
}

export class MountedStorage implements MountFacts {
  readonly id: number;
  readonly mountPath: string;
  readonly definition: AnyDriver;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly freshness: Freshness | undefined;
  readonly delivery: StorageInfo["delivery"];
  readonly tree: MountTree;
  readonly watching = new Watching();
  /** Listings on their way in, by node key. */
  readonly refreshes = new SharedTasks<number, DirectoryState>();
  readonly #roots = new SharedTasks<"root", TreeNode>();
  readonly #options: MountedStorageOptions;
  readonly #closing = new AbortController();
  readonly #withdrawn = new Set<Ability>();
  #opening: Promise<Mount> | undefined;
  #mount: Mount | undefined;
  #failure: { readonly error: unknown; readonly at: number } | undefined;

  constructor(options: MountedStorageOptions) {
    this.id = options.id;
    this.mountPath = options.mountPath;
    this.definition = options.definition;
    this.settings = options.settings;
    this.freshness = options.freshness;
    this.delivery = options.delivery;
    this.tree = options.tree;
    this.#options = options;
  }

  get traits(): Traits {
    return this.definition.traits;
  }

  /** When a write is answered. */
  get writeMode(): ReplyMode {
    return this.#options.writeMode ?? defaultMode(this.traits);
  }

  /** How long the mode `auto` waits for the storage, in milliseconds. */
  get replyWithinMs(): number {
    return this.#options.replyWithinMs ?? REPLY_WITHIN_MS;
  }

  /** True where empty files and file managers' own are kept here rather than sent; by itself only from programs that make files empty first. */
  keepsPlaceholders(from: WriteOptions["mayBeKept"]): boolean {
    if (from === undefined) return false;
    const { placeholders } = this.#options;
    return (
      placeholders === "keep" || (placeholders === "auto" && from === "likely" && this.traits.emptyFiles === false)
    );
  }

  /** Aborts when the storage is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get state(): Exclude<StorageInfo["state"], "disabled"> {
    if (this.#failure) return "failed";
    return this.#mount && this.tree.root() ? "working" : "starting";
  }

  /** What the storage last failed with as a whole, for people. */
  get failure(): string | undefined {
    if (!this.#failure) return undefined;
    return this.#failure.error instanceof StorageError ? this.#failure.error.message : "internal error (see the log)";
  }

  /** Undefined until the mount is open. */
  get capabilities(): Capabilities | undefined {
    if (!this.#mount) return undefined;
    const all = capabilitiesOf(this.#mount, this.traits);
    if (this.#withdrawn.size === 0) return all;
    return { ...all, ...Object.fromEntries([...this.#withdrawn].map((ability) => [ability, false])) };
  }

  /** The open mount. Opening is shared, and tried again some time after it failed. */
  async mount(): Promise<Mount> {
    this.#closing.signal.throwIfAborted();
    if (this.#mount) return this.#mount;
    if (!this.#opening && this.#failure && this.#options.clock.now() - this.#failure.at < REOPEN_AFTER_MS) {
      throw this.#failure.error;
    }
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** The root's node: from the tree where it is known, else asked for once by all who need it. */
  async root(signal: AbortSignal): Promise<TreeNode> {
    return this.tree.root() ?? this.askRoot(signal);
  }

  /** Asks the storage for its root, whatever the tree knows. */
  askRoot(signal: AbortSignal): Promise<TreeNode> {
    return this.#roots.join(
      "root",
      async (taskSignal) => {
        const mount = await this.mount();
        try {
          const node = await this.tree.setRoot(await mount.root({ signal: taskSignal }));
          this.succeeded();
          return node;
        } catch (error) {
          this.failed(error);
          throw error;
        }
      },
      signal,
    );
  }

  /**
   * Runs a call that needs an ability. Throws `unsupported` where the mount lacks it; where the service itself says `unsupported`,
   * the ability is withdrawn until the mount is opened again.
   */
  async using<T>(ability: Ability, run: (mount: Mount) => Promise<T>): Promise<T> {
    const mount = await this.mount();
    if (!this.capabilities?.[ability]) {
      throw new StorageError("unsupported", `the storage at ${this.mountPath} cannot do this (${ability})`);
    }
    try {
      const result = await run(mount);
      this.succeeded();
      return result;
    } catch (error) {
      // What a service does not take from one source it may take from another.
      if (kindOf(error) === "unsupported" && ability !== "receive") this.#withdrawn.add(ability);
      this.failed(error);
      throw error;
    }
  }

  remembered(node: TreeNode): Remembered | undefined {
    return this.#options.remembered.of(this.id, node);
  }

  pendingFailure(node: TreeNode): ReturnType<MountFacts["pendingFailure"]> {
    return this.#options.pendingFailure(node);
  }

  /** A listed directory's entries from the tree. Throws once the storage is closed: what the tree knows of it may be going then. */
  async *pages(directory: TreeNode): AsyncGenerator<readonly TreeNode[], void, undefined> {
    for await (const page of this.tree.pages(directory)) {
      this.closing.throwIfAborted();
      yield page;
    }
    this.closing.throwIfAborted();
  }

  /** Asks the storage for its root behind, whatever it failed with before: somebody has set right what was wrong. */
  wake(): void {
    this.#failure = undefined;
    this.askRoot(this.closing).catch(() => {}); // `failed` has it
  }

  /** Called when the storage answered. */
  succeeded(): void {
    if (!this.#failure) return;
    this.#failure = undefined;
    this.#options.log.info({ mount: this.mountPath }, "storage works again");
  }

  /** Called with what a call to the storage failed with. */
  failed(error: unknown): void {
    const kind = kindOf(error);
    if (!kind || !STORAGE_WIDE.has(kind)) return;
    // Of a login that is over the account itself has told, once for all its mounts.
    if (!this.#failure && !isLoginOver(error)) {
      this.#options.log.warn({ mount: this.mountPath, err: error }, "storage failed");
    }
    this.#failure = { error, at: this.#options.clock.now() };
  }

  async close(): Promise<void> {
    const reason = new StorageError("unavailable", `the storage at ${this.mountPath} is being closed`);
    this.#closing.abort(reason);
    this.refreshes.stop(reason);
    this.watching.close();
    const mount = this.#mount ?? (await this.#opening?.catch(() => undefined));
    await mount?.close?.();
  }

  async #open(): Promise<Mount> {
    try {
      this.#mount = await this.#options.open(this.#closing.signal);
      this.#withdrawn.clear();
      this.#failure = undefined;
      return this.#mount;
    } catch (error) {
      this.#failure = { error, at: this.#options.clock.now() };
      throw error;
    } finally {
      this.#opening = undefined;
    }
  }
}
