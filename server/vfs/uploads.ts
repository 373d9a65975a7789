/** Uploads on their way, by path: one commit at a time, the latest started wins, and moves and removals of directories know of them. */
import { StorageError } from "#drivers/contract/errors.ts";
import { isWithin } from "#drivers/contract/path.ts";

/** One upload that has started. */
export interface ActiveUpload {
  readonly path: string;
  /** Aborts when the upload is cancelled from outside. */
  readonly signal: AbortSignal;
  /**
   * Waits for the path's turn to commit. Throws `already-exists` when an upload of the path that started later has committed already.
   * Between this and `end`, no other upload of the path commits.
   */
  enterCommit(): Promise<void>;
  /** Must be called at the end, whatever happened. */
  end(outcome: "committed" | "failed"): void;
}

interface PathState {
  active: number;
  /** Start number of the latest upload that has committed while another was on its way. */
  committed: number;
  /** Settles when the running commit has ended. */
  turn: Promise<void>;
}

interface Running {
  readonly path: string;
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

export class Uploads {
  readonly #paths = new Map<string, PathState>();
  readonly #running = new Set<Running>();
  #started = 0;

  /** `takesAnyName`: it takes nobody's place, so that no newer upload of the path can have come before it. */
  begin(path: string, { takesAnyName = false } = {}): ActiveUpload {
    const number = ++this.#started;
    const state = this.#paths.get(path) ?? { active: 0, committed: 0, turn: Promise.resolve() };
    this.#paths.set(path, state);
    state.active++;
    const controller = new AbortController();
    const ended = Promise.withResolvers<void>();
    const running: Running = { path, controller, ended: ended.promise };
    this.#running.add(running);
    let leaveTurn: (() => void) | undefined;
    return {
      path,
      signal: controller.signal,
      enterCommit: async () => {
        const before = state.turn;
        const mine = Promise.withResolvers<void>();
        leaveTurn = mine.resolve;
        state.turn = mine.promise;
        await before;
        if (state.committed > number && !takesAnyName) {
          throw new StorageError("already-exists", `${path}: a newer upload of this file has been stored`, { path });
        }
      },
      end: (outcome) => {
        if (outcome === "committed" && !takesAnyName) state.committed = Math.max(state.committed, number);
        leaveTurn?.();
        this.#running.delete(running);
        ended.resolve();
        state.active--;
        if (state.active === 0) this.#paths.delete(path);
      },
    };
  }

  /** Resolves when the uploads that now run at or below a path have ended. Throws the signal's reason. */
  async settled(path: string, signal: AbortSignal): Promise<void> {
    const left = Promise.withResolvers<never>();
    left.promise.catch(() => {});
    const leave = () => left.reject(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener("abort", leave, { once: true });
    try {
      await Promise.race([Promise.all(this.#within(path).map((running) => running.ended)), left.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  /** Stops the uploads at or below a path, and resolves when they have let go. */
  async cancel(path: string): Promise<void> {
    const inside = this.#within(path);
    for (const { controller, path: upload } of inside) {
      controller.abort(new StorageError("not-found", `${upload}: its directory was removed during the upload`));
    }
    await Promise.all(inside.map((running) => running.ended));
  }

  #within(path: string): readonly Running[] {
    return [...this.#running].filter((running) => isWithin(running.path, path));
  }
}
