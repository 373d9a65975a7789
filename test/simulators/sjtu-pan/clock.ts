/** Time under the test's control. */

/** Milliseconds since the epoch. */
export interface Clock {
  now(): number;
}

/** A clock that stands until it is turned. */
export interface HandClock extends Clock {
  /** Turns it forward. */
  advance(ms: number): void;
}

/** A clock that starts at the moment of the facts' samples (sjtu-pan.md, appendix A). */
export function handClock(start: number = Date.UTC(2025, 9, 11, 2, 58)): HandClock {
  let now = start;
  return {
    now: () => now,
    advance(ms) {
      now += ms;
    },
  };
}
