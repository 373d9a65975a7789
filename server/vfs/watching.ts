/** Directories in use of mounts that can be watched: whether what the tree holds of them is still so. */
import { LRUCache } from "lru-cache";
import type { Entry, Mount } from "#drivers/contract/mount.ts";

/** Directories watched at a time per mount: each costs the kernel one inotify watch. */
const MAX_WATCHED = 1000;

/** How long after its last listing a directory stays watched. */
const IN_USE_MS = 60_000;

/** Directories of which it is remembered that they were listed. */
const MAX_REMEMBERED = 10_000;

/** Made once: an abort without a reason makes an exception with a stack. */
const UNWATCHED = new Error("the directory is no longer in use");

interface Watched {
  readonly controller: AbortController;
  clean: boolean;
}

/** The watched directories of one mount, by node key. */
export class Watching {
  readonly #watched = new LRUCache<number, Watched>({
    max: MAX_WATCHED,
    ttl: IN_USE_MS,
    updateAgeOnGet: true,
    ttlAutopurge: false,
    dispose: (watched) => watched.controller.abort(UNWATCHED),
  });
  /** Directories that were listed within the last minute. */
  readonly #listed = new LRUCache<number, true>({ max: MAX_REMEMBERED, ttl: IN_USE_MS, ttlAutopurge: false });

  /** True when the directory is watched and nothing has changed since its listing began. Counts as use. */
  isClean(key: number): boolean {
    return this.#watched.get(key)?.clean ?? false;
  }

  /**
   * Called before a listing begins: from the second one within a minute on, changes are noticed. What a scan passes once is not worth a watch, and
   * a directory that is not or cannot be watched is simply never clean: it is listed again.
   */
  begin(key: number, directory: Entry, mount: Mount): void {
    const known = this.#watched.get(key);
    if (known?.clean) return;
    // What changed may be that another directory stands in its place: the old watch tells nothing of that one.
    if (known) this.#watched.delete(key);
    else if (!this.#listed.has(key)) {
      this.#listed.set(key, true);
      return;
    }
    const watched: Watched = { controller: new AbortController(), clean: true };
    try {
      mount.watch?.(
        directory,
        () => {
          watched.clean = false;
        },
        watched.controller.signal,
      );
    } catch {
      return; // no watches left, or a file system without them: listed anew each time
    }
    this.#watched.set(key, watched);
  }

  /** Called when the listing failed or the directory is gone. */
  drop(key: number): void {
    this.#watched.delete(key);
  }

  /** Lets go of watches that are no longer in use. */
  purgeStale(): void {
    this.#watched.purgeStale();
  }

  close(): void {
    this.#watched.clear();
  }
}
