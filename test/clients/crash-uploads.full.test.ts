/** A thousand kills at random moments; `PANDAV_CRASH_SEED` makes a run's choices again, `PANDAV_CRASH_ROUNDS` sets their number. */
import { expect, it } from "vitest";
import { uploadRounds } from "./crash/upload-rounds.ts";

const ROUNDS = Number(process.env.PANDAV_CRASH_ROUNDS ?? 1000);
const SEED = Number(process.env.PANDAV_CRASH_SEED ?? Math.floor(Math.random() * 2 ** 32));

it("loses and doubles nothing in 1,000 rounds of kill -9 in uploads, moves and copies in all write modes", async () => {
  expect(await uploadRounds(ROUNDS, SEED)).toBe(ROUNDS);
});
