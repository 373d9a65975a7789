import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cleanEnvironment, PROJECT_ROOT } from "#test/support/server.ts";

const BUGS = JSON.stringify(join(PROJECT_ROOT, "server", "start", "bugs.ts"));

/** A process that watches for bugs, has one, and says whether it lives on. */
function run(bug: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = `
    import { onBugs } from ${BUGS};
    const say = (level) => (fields, message) => console.log(level, fields.err.message, message);
    onBugs({ debug: say("debug"), info: say("info"), warn: say("warn") });
    setTimeout(() => console.log("alive"), 50);
    setImmediate(() => { ${bug} });
  `;
  return new Promise((resolve) => {
    const args = ["--input-type=module", "--eval", script];
    execFile(process.execPath, args, { env: cleanEnvironment(), timeout: 10_000 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

describe("an error that nobody handled", () => {
  it("of a promise is logged, and the others are served on", async () => {
    const { code, stdout } = await run('Promise.reject(new Error("lost"))');
    expect({ code, stdout }).toEqual({ code: 0, stdout: "warn lost a rejected promise that nobody handled\nalive\n" });
  });

  it("of one connection is logged, and the others are served on", async () => {
    const { code, stdout } = await run('throw Object.assign(new Error("gone"), { code: "ECONNRESET" })');
    expect({ code, stdout }).toEqual({ code: 0, stdout: "warn gone an exception that nobody handled\nalive\n" });
  });

  it("that left code half way ends the process with 1 and its stack", async () => {
    const { code, stdout, stderr } = await run('throw new TypeError("half way")');
    expect({ code, stdout }).toEqual({ code: 1, stdout: "warn half way an exception that nobody handled\n" });
    expect(stderr).toContain("TypeError: half way\n");
  });
});
