/** Looks at the mounts from time to time, and tells of those that stay broken, and of those that work again. */
import type { Clock } from "#drivers/contract/driver.ts";
import type { NoticeSubject, Notifier } from "./notifier.ts";

/** How often, in milliseconds. What fails at two looks in a row is told of: a moment is nobody's business. */
const LOOK_EVERY_MS = 20_000;

/** What is looked at of a mount. */
export interface WatchedMount {
  readonly id: number;
  readonly mountPath: string;
  readonly driver: string;
  readonly state: "starting" | "working" | "failed" | "disabled";
  readonly error?: string;
  /** Its account tells by itself of a login that is over. */
  readonly account?: { readonly loginRequired: boolean };
}

/** Looks until the signal aborts. Never rejects. */
export async function watchMounts(
  mounts: () => readonly WatchedMount[],
  notifier: Notifier,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let failing = new Set<number>();
  let known = new Map<number, NoticeSubject>();
  while (!signal.aborted) {
    const now = new Set<number>();
    const there = new Map<number, NoticeSubject>();
    for (const mount of mounts()) {
      if (mount.state === "disabled") continue;
      const { id, mountPath, driver } = mount;
      const subject = { kind: "mount", id, mountPath, driver } as const;
      there.set(id, subject);
      if (mount.state === "working") notifier.notify({ subject, state: "ok", message: "" });
      if (mount.state !== "failed" || mount.account?.loginRequired) continue;
      now.add(id);
      if (failing.has(id)) notifier.notify({ subject, state: "failed", message: mount.error ?? "" });
    }
    for (const [id, subject] of known) if (!there.has(id)) notifier.forget(subject);
    failing = now;
    known = there;
    await clock.sleep(LOOK_EVERY_MS, signal).catch(() => {}); // the loop sees that it is over
  }
}
