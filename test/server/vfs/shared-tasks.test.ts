import { describe, expect, it } from "vitest";
import { SharedTasks } from "#server/vfs/shared-tasks.ts";

describe("shared tasks (architecture.md §3: a merged call lives until its last waiter leaves)", () => {
  it("runs once for all who ask while it runs", async () => {
    const tasks = new SharedTasks<string, number>();
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    const start = async () => {
      runs++;
      await gate.promise;
      return 7;
    };
    const both = [tasks.join("a", start, never()), tasks.join("a", start, never())];
    gate.resolve();
    expect(await Promise.all(both)).toEqual([7, 7]);
    expect(runs).toBe(1);
    expect(tasks.has("a")).toBe(false);
  });

  it("goes on when one of two waiters leaves, and gives the other its result", async () => {
    const tasks = new SharedTasks<string, string>();
    const gate = Promise.withResolvers<void>();
    let taskSignal: AbortSignal | undefined;
    const start = async (signal: AbortSignal) => {
      taskSignal = signal;
      await gate.promise;
      return "done";
    };
    const leaving = new AbortController();
    const first = tasks.join("a", start, leaving.signal);
    const second = tasks.join("a", start, never());
    const reason = new Error("gone");
    leaving.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(taskSignal?.aborted).toBe(false);
    gate.resolve();
    expect(await second).toBe("done");
  });

  it("stops when the last waiter leaves, and begins anew for the next one only after it has ended", async () => {
    const tasks = new SharedTasks<string, string>();
    const log: string[] = [];
    const stopped = Promise.withResolvers<void>();
    const leaving = new AbortController();
    const first = tasks.join(
      "a",
      async (signal) => {
        log.push("first begins");
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        await stopped.promise;
        log.push("first ends");
        throw signal.reason;
      },
      leaving.signal,
    );
    await Promise.resolve(); // the task begins in the next turn
    leaving.abort(new Error("gone"));
    await expect(first).rejects.toThrow("gone");
    const second = tasks.join("a", async () => {
      log.push("second begins");
      return "second";
    });
    stopped.resolve();
    expect(await second).toBe("second");
    expect(log).toEqual(["first begins", "first ends", "second begins"]);
  });

  it("fails all waiters with what the task failed with, and forgets it", async () => {
    const tasks = new SharedTasks<string, string>();
    const fail = async () => Promise.reject(new Error("broken"));
    await expect(tasks.join("a", fail, never())).rejects.toThrow("broken");
    expect(await tasks.join("a", async () => "well", never())).toBe("well");
  });

  it("does not begin for a waiter that has left already", async () => {
    const tasks = new SharedTasks<string, string>();
    let begun = false;
    const start = async () => {
      begun = true;
      return "";
    };
    await expect(tasks.join("a", start, AbortSignal.abort(new Error("early")))).rejects.toThrow("early");
    expect(begun).toBe(false);
  });
});

function never(): AbortSignal {
  return new AbortController().signal;
}
