/** A running simulator with a client for the length of one test. */
import { afterEach, expect } from "vitest";
import { type HandClock, handClock } from "./clock.ts";
import { type RunningSjtuPan, type StartOptions, startSjtuPan } from "./start.ts";
import { TestClient } from "./test-client.ts";
import type { ViolationKind } from "./world.ts";

export interface Fixture {
  readonly pan: RunningSjtuPan;
  readonly client: TestClient;
  readonly clock: HandClock;
}

/** Starts one with a hand-turned clock; it ends with the test. */
export async function open(options: StartOptions = {}): Promise<Fixture> {
  const clock = handClock();
  const pan = await startSjtuPan({ clock, ...options });
  const client = new TestClient(pan);
  ends.push(async () => {
    await client.close();
    await pan.close();
  });
  running.push(pan);
  return { pan, client, clock };
}

/** Expects these kinds of violation, takes them off the list, so that the end of the test finds none. */
export function expectViolations(pan: RunningSjtuPan, ...kinds: readonly ViolationKind[]): void {
  expect(pan.violations.splice(0).map(({ kind }) => kind)).toEqual(kinds);
}

const ends: (() => Promise<void>)[] = [];
const running: RunningSjtuPan[] = [];

afterEach(async () => {
  const violations = running.splice(0).flatMap((pan) => pan.violations);
  for (const end of ends.splice(0)) await end();
  expect(violations).toEqual([]);
});
