/** Empty files that stay empty are meant so: after a while they go to the service after all (webdav.md §5 "Placeholder overlay"). */
import { Readable } from "node:stream";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { type ErrorKind, kindOf, StorageError } from "#drivers/contract/errors.ts";
import { joinPath } from "#drivers/contract/path.ts";
import type { MountTable } from "../mount-table.ts";
import type { MountedStorage } from "../mounted-storage.ts";
import type { Writing } from "../writing.ts";
import { isJunkName } from "./junk-names.ts";

/** How often it is looked for them, in milliseconds. */
export const LOOKED_FOR_EVERY_MS = 5 * 60_000;
/** How long an empty file may wait for content, in milliseconds. */
const WAITS_MS = 15 * 60_000;
/** Most that go to one storage at a time. */
const AT_ONCE = 20;
/** Longest that one takes, in milliseconds. */
const ONE_TAKES_MS = 60_000;

/** What says that the service does not want this file, now or later; anything else may pass. */
const REFUSALS = new Set<ErrorKind | "bug">(["unsupported", "permission-denied", "invalid-name", "upstream"]);

/** What concerns this one alone: it is in use, or gone. */
const PASSED_OVER = new Set<ErrorKind | "bug">(["locked", "precondition-failed", "already-exists", "not-found"]);

export interface SettlingOptions {
  readonly table: MountTable;
  readonly writing: Pick<Writing, "write">;
  readonly clock: Clock;
  readonly log: Log;
}

export class Settling {
  readonly #o: SettlingOptions;
  readonly #closing = new AbortController();
  /** Nodes that their service has refused; asked again after the next start. */
  readonly #refused = new Set<number>();

  constructor(options: SettlingOptions) {
    this.#o = options;
    void this.#forEver();
  }

  close(): void {
    this.#closing.abort(new Error("the filesystem is closing"));
  }

  async #forEver(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#o.clock.sleep(LOOKED_FOR_EVERY_MS, signal);
        for (const storage of this.#o.table.all()) await this.#settle(storage);
      } catch (error) {
        if (signal.aborted) return;
        this.#o.log.warn({ err: error }, "empty files that are kept here could not be sent");
      }
    }
  }

  async #settle(storage: MountedStorage): Promise<void> {
    const root = storage.tree.root();
    if (!root || storage.state !== "working") return;
    const since = this.#o.clock.now() - WAITS_MS;
    const waiting = [...storage.tree.placeholders()].filter(
      ({ n, at, name, entry }) => at <= since && entry?.size === 0 && !isJunkName(name) && !this.#refused.has(n),
    );
    for (const { n, entry } of waiting.slice(0, AT_ONCE)) {
      const names = storage.tree.namesBelow(root, n);
      if (!names || this.#closing.signal.aborted) continue;
      try {
        await this.#send(names.reduce(joinPath, storage.mountPath), n, entry?.modifiedAt);
      } catch (error) {
        if (REFUSALS.has(kindOf(error) ?? "bug")) this.#refused.add(n);
        else if (!PASSED_OVER.has(kindOf(error) ?? "bug")) return; // it is the storage: later
      }
    }
  }

  async #send(path: string, n: number, modifiedAt: number | undefined): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ONE_TAKES_MS)]);
    await this.#o.writing.write(
      path,
      { stream: Readable.from([]), size: 0, ...(modifiedAt !== undefined && { modifiedAt }) },
      {
        signal,
        check(existing) {
          if (existing?.key === n && existing.size === 0 && existing.pending) return;
          throw new StorageError("precondition-failed", `${path} is another file by now`, { path });
        },
      },
    );
  }
}
