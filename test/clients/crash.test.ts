/** A handful of kills; two hundred are `crash.full.test.ts`. */
import { expect, it } from "vitest";
import { crashRounds } from "./crash/rounds.ts";

it("leaves files, properties, locks and settings old or new and whole after kill -9 in PUT, MOVE, LOCK, PROPPATCH and settings", async () => {
  expect(await crashRounds(4, 5)).toBe(4);
});
