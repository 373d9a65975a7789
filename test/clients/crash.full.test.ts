/** Two hundred kills at random moments; `PANDAV_CRASH_SEED` makes a run's choices again, `PANDAV_CRASH_ROUNDS` sets their number. */
import { expect, it } from "vitest";
import { crashRounds } from "./crash/rounds.ts";

const ROUNDS = Number(process.env.PANDAV_CRASH_ROUNDS ?? 200);
const SEED = Number(process.env.PANDAV_CRASH_SEED ?? Math.floor(Math.random() * 2 ** 32));

it("survives 200 rounds of kill -9 in PUT, MOVE, LOCK, PROPPATCH and settings", async () => {
  expect(await crashRounds(ROUNDS, SEED)).toBe(ROUNDS);
});
