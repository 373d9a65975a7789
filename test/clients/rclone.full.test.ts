/** The main job on real input: more than 5,000 files of the project's own node_modules. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { PROJECT_ROOT } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { copyTreeThroughServer } from "./rclone-run.ts";

const AT_LEAST = 5_000;

const source = mkdtempSync(join(tmpdir(), "pandav-source-"));
afterAll(() => rmSync(source, { recursive: true, force: true }));

withTools(["rclone"])("rclone, vendors owncloud and other, on node_modules", () => {
  it("copies at least 5,000 files up, finds no difference, syncs nothing again, reads ranges, moves and purges", async () => {
    const files = copyPackages();
    expect(files).toBeGreaterThan(AT_LEAST);
    const result = await copyTreeThroughServer(source, {
      ranges: 50,
      withinMs: 29 * 60_000,
      commandWithinSeconds: 900,
    });
    console.log(result.stdout, result.stderr);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/all done\n$/) });
  });
});

/** Copies whole packages until there are enough files. node_modules itself does not stand still: caches below it are written by every run. */
function copyPackages(): number {
  const modules = join(PROJECT_ROOT, "node_modules");
  let files = 0;
  for (const name of readdirSync(modules).sort()) {
    if (name.startsWith(".")) continue;
    cpSync(join(modules, name), join(source, name), { recursive: true });
    files += readdirSync(join(source, name), { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).length;
    if (files > AT_LEAST) break;
  }
  return files;
}
