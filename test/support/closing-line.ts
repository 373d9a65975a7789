/** The last line of a test run: `N passed, N failed, N skipped`, alone on its line. */
import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** Counts tests; a file that could not be loaded and an error outside any test count as failed. */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const counts = { passed: 0, failed: unhandled.length, skipped: 0 };
    for (const module of modules) {
      counts.failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "pending") counts.failed += 1;
        else counts[state] += 1;
      }
    }
    // After vitest's own summary, which it prints in the same hook.
    process.once("exit", () => {
      process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
    });
  }
}
