import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { type Observation, observe } from "#server/layers/observe.ts";
import { FakeClock } from "./fake-clock.ts";
import { call, FILE, hanging, mountOf, pagesOf, ROOT } from "./sample-mount.ts";

function observed(parts: Parameters<typeof mountOf>[0]) {
  const clock = new FakeClock();
  const begun: string[] = [];
  const ended: Observation[] = [];
  const recorder = {
    begun: (c: { operation: string }) => begun.push(c.operation),
    ended: (o: Observation) => ended.push(o),
  };
  return { clock, begun, ended, mount: observe(recorder, clock, "/m")(mountOf(parts)) };
}

describe("observe", () => {
  it("records a call that its caller left as aborted, not as a failure", async () => {
    const { mount, ended } = observed({ root: hanging().answer });
    const { o, abort } = call();
    const running = mount.root(o);
    abort(new Error("left"));
    await expect(running).rejects.toThrow("left");
    expect(ended.map((one) => one.outcome)).toEqual(["aborted"]);
  });

  it("records operation, mount, duration and the kind of a failure", async () => {
    const failure = new StorageError("unavailable", "down");
    const { mount, clock, begun, ended } = observed({
      async root(o) {
        await clock.sleep(250, o.signal);
        throw failure;
      },
    });
    const running = expect(mount.root(call().o)).rejects.toBe(failure);
    await clock.advance(250);
    await running;
    expect(begun).toEqual(["root"]);
    expect(ended).toEqual([
      { operation: "root", mountPath: "/m", durationMs: 250, outcome: "unavailable", error: failure },
    ]);
  });

  it("calls what is no StorageError a bug", async () => {
    const { mount, ended } = observed({ root: async () => Promise.reject(new TypeError("x")) });
    await expect(mount.root(call().o)).rejects.toThrow(TypeError);
    expect(ended[0]?.outcome).toBe("bug");
  });

  it("counts a listing's entries, and tells a complete one from one that the reader left", async () => {
    const { mount, ended } = observed({
      async *list() {
        yield [FILE, FILE];
        yield [FILE];
      },
    });
    await pagesOf(mount.list(ROOT, call().o));
    for await (const _ of mount.list(ROOT, call().o)) break;
    expect(ended.map(({ outcome, entries }) => [outcome, entries])).toEqual([
      ["ok", 3],
      ["aborted", 2],
    ]);
  });
});
