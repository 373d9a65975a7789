/** Programs of the machine that some tests drive: rclone, litmus, davfs2, strace, … */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "vitest";

/** Where the program is, or undefined. Debian keeps some outside an ordinary user's PATH. */
export function findTool(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/bin"];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/**
 * `describe` for tests that drive programs of the machine: `withTools(["rclone"])("rclone copies …", () => …)`.
 * Where one is missing the tests are left out and a notice says so; under `PANDAV_REQUIRE_TOOLS=1` it is an error.
 */
export function withTools(names: readonly string[]): (title: string, body: () => void) => void {
  const missing = names.filter((name) => findTool(name) === undefined);
  if (missing.length === 0) return (title, body) => void describe(title, body);
  const notice = `not installed: ${missing.join(", ")}`;
  if (process.env.PANDAV_REQUIRE_TOOLS === "1")
    throw new Error(`${notice}, and PANDAV_REQUIRE_TOOLS=1 wants all tests run`);
  return (title) => {
    process.stderr.write(`notice: left out, ${notice}: ${title}\n`);
    describe.skip(`${title} (${notice})`, () => undefined);
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
