/** Many moments to be killed at. */
import { describe, expect, it } from "vitest";
import { killDuringPuts } from "./durable-rounds.ts";

const MOMENTS = Array.from({ length: 20 }, (_, i) => Math.floor((i * 50) / 20));

describe("SIGKILL during 50 PUTs, at many moments", () => {
  it.each(MOMENTS)(
    "leaves each file old or new and whole, and nothing in the spool (after %i answers)",
    async (afterAnswers) => {
      const result = await killDuringPuts(afterAnswers);
      console.log(`killed after ${afterAnswers} answers:`, result);
      expect(result.old + result.new).toBe(50);
    },
  );
});
