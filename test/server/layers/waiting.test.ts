import { describe, expect, it } from "vitest";
import { orAbort } from "#server/layers/waiting.ts";

describe("orAbort", () => {
  it("leaves no failure unheard of what it no longer waits for, and hands on what comes late", async () => {
    const reason = new Error("left");
    const unheard: unknown[] = [];
    const hear = (error: unknown) => void unheard.push(error);
    process.on("unhandledRejection", hear);
    try {
      const work = Promise.withResolvers<string>();
      await expect(orAbort(work.promise, AbortSignal.abort(reason))).rejects.toBe(reason);
      work.reject(new Error("failed when nobody waited"));
      const late: string[] = [];
      const other = Promise.resolve("late");
      await expect(orAbort(other, AbortSignal.abort(reason), (value) => late.push(value))).rejects.toBe(reason);
      await new Promise(setImmediate);
      expect({ unheard, late }).toEqual({ unheard: [], late: ["late"] });
    } finally {
      process.off("unhandledRejection", hear);
    }
  });
});
