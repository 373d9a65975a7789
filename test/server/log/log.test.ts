import { execFile } from "node:child_process";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { createLogger } from "#server/log.ts";
import {
  countUpstreamCall,
  createRecorder,
  currentRequest,
  newRequestContext,
  runInRequest,
} from "#server/request-context.ts";

function logging(level?: string) {
  const lines: string[] = [];
  const log = createLogger({ level, destination: { write: (line: string) => void lines.push(line) } });
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe("the log", () => {
  it("shows no secret: by key at any depth, in addresses, in errors and their causes", () => {
    const { log, lines } = logging("debug");
    const canary = "canary";
    const cause = new Error(`GET https://u:${canary}@h/p?token=${canary}#${canary} failed`);
    log.info(
      { password: canary, user: { Cookie: canary, deep: [{ accessToken: canary, "set-cookie": [canary] }] } },
      "a",
    );
    log.debug({ headers: { authorization: canary, "x-api-key": canary }, credential: { ck: canary } }, "b");
    log.warn({ url: `https://h/p?sign=${canary}`, client_secret: canary, settings: { code: canary } }, "c");
    log.error({ err: new StorageError("upstream", "bad", { cause }) }, `see wss://h/x?key=${canary}`);
    log.error(cause);
    log.info(`https://h/p?token=${canary}`);
    expect(lines).toHaveLength(6);
    expect(lines.join("")).not.toContain(canary);
  });

  it("keeps what helps: kind, status, cause, host and path", () => {
    const { log, parsed } = logging();
    const cause = new Error("GET https://h/p?token=1 failed");
    log.error({ err: new StorageError("upstream", "bad", { upstream: { status: 502, code: 7 }, cause }) }, "failed");
    expect(parsed()[0]).toMatchObject({
      level: "error",
      msg: "failed",
      err: {
        kind: "upstream",
        message: "bad",
        upstream: { status: 502, code: 7 },
        cause: { message: "GET https://h/p?… failed" },
      },
    });
  });

  it("takes its level from PANDAV_LOG's value, and `info` for one it does not know", () => {
    for (const [level, expected] of [
      ["warn", ["warn"]],
      ["debug", ["debug", "info", "warn"]],
      [undefined, ["info", "warn"]],
      ["loud", ["info", "warn"]],
    ] as const) {
      const { log, parsed } = logging(level);
      log.debug({}, "x");
      log.info({}, "x");
      log.warn({}, "x");
      expect(parsed().map((line) => line.level)).toEqual(expected);
    }
  });

  it("bounds what one line can hold", () => {
    const { log, lines } = logging();
    const round: Record<string, unknown> = { list: Array.from({ length: 10_000 }, () => "x".repeat(10_000)) };
    round.self = round;
    log.info(round, "big");
    expect(lines[0]!.length).toBeLessThan(4 * 2 ** 20);
    expect(lines[0]).toContain("[deep]");
  });

  it("writes to stderr only, all of it, also when the process ends at once, and starts no thread", async () => {
    const script = `
      const { createLogger } = await import("#server/log.ts");
      const log = createLogger();
      for (let n = 0; n < 500; n++) log.info({ n }, "line");
      const { PerformanceObserver } = await import("node:perf_hooks");
      log.info({ handles: process.getActiveResourcesInfo().filter((one) => /Message|Worker/.test(one)) }, "handles");
      process.exit(0);`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    expect(stdout).toBe("");
    const lines = stderr.trim().split("\n");
    expect(lines).toHaveLength(501);
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ msg: "handles", handles: [] });
  });
});

describe("the request context", () => {
  it("follows the code through awaits, apart for each request, and puts its id on every line", async () => {
    const { log, parsed } = logging();
    const work = async (id: string) =>
      runInRequest(newRequestContext(id), async () => {
        await setImmediate();
        countUpstreamCall();
        if (id === "two") countUpstreamCall();
        await setImmediate();
        log.info({}, "done");
        return [currentRequest()?.requestId, currentRequest()?.upstreamCalls];
      });
    expect(await Promise.all([work("one"), work("two")])).toEqual([
      ["one", 1],
      ["two", 2],
    ]);
    expect(parsed().map((line) => line.requestId)).toEqual(["one", "two"]);
    expect(currentRequest()).toBeUndefined();
    countUpstreamCall();
  });

  it("counts driver calls and names the mounts; failures of a storage are warnings, a caller's own are not", () => {
    const { log, parsed } = logging();
    const recorder = createRecorder(log);
    const context = newRequestContext("r");
    runInRequest(context, () => {
      for (const mountPath of ["/a", "/b", "/a"]) recorder.begun({ operation: "list", mountPath });
      const ended = { operation: "list", mountPath: "/a", durationMs: 5 } as const;
      recorder.ended({ ...ended, outcome: "not-found", error: new StorageError("not-found", "x") });
      recorder.ended({ ...ended, outcome: "unavailable", error: new StorageError("unavailable", "down") });
    });
    expect([context.driverCalls, [...context.mounts]]).toEqual([3, ["/a", "/b"]]);
    expect(parsed()).toMatchObject([{ level: "warn", mount: "/a", outcome: "unavailable", requestId: "r" }]);
    recorder.begun({ operation: "list", mountPath: "/a" });
  });
});
