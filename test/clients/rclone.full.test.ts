/** The main job on the project's own node_modules: more than 5,000 real files. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PROJECT_ROOT } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { copyTreeThroughServer } from "./rclone-run.ts";

const SOURCE = join(PROJECT_ROOT, "node_modules");

withTools(["rclone"])("rclone, vendors owncloud and other, on node_modules", () => {
  it("copies at least 5,000 files up, finds no difference, syncs nothing again, reads ranges, moves and purges", async () => {
    const files = readdirSync(SOURCE, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(5000);
    const result = await copyTreeThroughServer(SOURCE, {
      ranges: 50,
      withinMs: 29 * 60_000,
      commandWithinSeconds: 900,
    });
    console.log(result.stdout);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/all done\n$/) });
  });
});
