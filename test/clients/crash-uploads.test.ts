/** Nothing that was accepted is lost; a thousand kills are `crash-uploads.full.test.ts`. */
import { expect, it } from "vitest";
import { uploadRounds } from "./crash/upload-rounds.ts";

const ROUNDS = Number(process.env.PANDAV_CRASH_ROUNDS ?? 25);
const SEED = Number(process.env.PANDAV_CRASH_SEED ?? 7);

it("stores everything that was answered once and whole after kill -9 in uploads, moves and copies in all write modes", async () => {
  expect(await uploadRounds(ROUNDS, SEED)).toBe(ROUNDS);
});
