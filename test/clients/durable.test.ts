/** What was acknowledged survives SIGKILL, and nothing is left half written. */
import { describe, expect, it } from "vitest";
import { killDuringPuts } from "./durable-rounds.ts";

describe("SIGKILL during 50 PUTs", () => {
  it.each([1, 25])(
    "leaves each file old or new and whole, and nothing in the spool (after %i answers)",
    async (afterAnswers) => {
      const result = await killDuringPuts(afterAnswers);
      console.log(`killed after ${afterAnswers} answers:`, result);
      expect(result.old + result.new).toBe(50);
    },
  );
});
