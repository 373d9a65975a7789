/** litmus, the WebDAV test suite of the neon library. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { runProgram } from "./run-program.ts";

/** Tests per suite of litmus 0.13 and 0.14; a suite that stops early prints fewer. */
const SUITES = { basic: 16, copymove: 13, props: 30, locks: 41, http: 4 } as const;

withTools(["litmus"])("litmus against /dav/local/", () => everySuite([]));

withTools(["litmus"])("litmus behind --base-path", () => everySuite(["--base-path", "/pan%64av/x"]));

function everySuite(args: readonly string[]): void {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer({ args });
  });
  afterAll(() => server.stop());

  it.each(Object.entries(SUITES))("passes all of %s (RFC 4918)", async (suite, least) => {
    const folder = mkdtempSync(join(tmpdir(), "pandav-litmus-"));
    try {
      const result = await runProgram("litmus", [`${server.url}/dav/local/`, server.user, server.password], {
        withinMs: 60_000,
        env: { TESTS: suite },
        cwd: folder,
      });
      const [, run, passed, failed] =
        /of (\d+) tests run: (\d+) passed, (\d+) failed/.exec(result.stdout)?.map(Number) ?? [];
      const warnings = result.stdout.match(/WARNING/g)?.length ?? 0;
      console.log(`litmus ${suite}: ${passed} of ${run} passed, ${warnings} warnings`);
      const isClean = failed === 0 && warnings === 0;
      expect({ failed, warnings, complete: (run ?? 0) >= least, output: isClean ? "" : result.stdout }).toEqual({
        failed: 0,
        warnings: 0,
        complete: true,
        output: "",
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
