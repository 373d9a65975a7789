/** Which test files run together: the programs of `test/clients` get the machine for themselves, after all others. */
import { availableParallelism } from "node:os";
import type { TestProjectInlineConfiguration } from "vitest/config";
import { ClosingLine } from "./closing-line.ts";

/** Vitest's own report, then one line that a script can read. */
export const reporters = ["default", new ClosingLine()] satisfies unknown[];

/** Once for a run: the bundle whose processes tests start. */
export const globalSetup = ["test/support/bundle.ts"];

/** `full` adds the files named `*.full.test.ts`, whose single tests may take half an hour. */
export function projects({ full }: { readonly full: boolean }): TestProjectInlineConfiguration[] {
  const exclude = full ? [] : ["test/**/*.full.test.ts"];
  const setupFiles = ["test/support/canary-tap.ts"];
  const longest = full ? 30 * 60_000 : 180_000;
  return [
    {
      test: {
        name: "parts",
        setupFiles,
        include: ["test/**/*.test.ts"],
        exclude: ["test/clients/**", ...exclude],
        testTimeout: full ? longest : 30_000,
        hookTimeout: 60_000,
        // Vitest leaves one processor free, which on two is half the machine: many files wait for programs they started.
        maxWorkers: Math.max(2, availableParallelism() - 1),
        sequence: { groupOrder: 0 },
      },
    },
    {
      test: {
        name: "clients",
        setupFiles,
        include: ["test/clients/**/*.test.ts"],
        exclude,
        testTimeout: longest,
        hookTimeout: longest,
        fileParallelism: false,
        sequence: { groupOrder: 1 },
      },
    },
  ];
}
