/** Which test files run together: the programs of `test/clients` get the machine for themselves, after all others, and the long runs get it one by one. */
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
        // Vitest leaves one processor free, which on two is half the machine. Most files wait for programs and deadlines: with one more than there are processors, none is idle meanwhile.
        maxWorkers: availableParallelism() + 1,
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
        maxWorkers: full ? 1 : 2,
        sequence: { groupOrder: 1 },
      },
    },
  ];
}
