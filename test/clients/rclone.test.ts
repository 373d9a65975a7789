/** The main job on a tree of a hundred real files. The whole of node_modules is `rclone.full.test.ts`. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { PROJECT_ROOT } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { copyTreeThroughServer } from "./rclone-run.ts";

withTools(["rclone"])("rclone, vendors owncloud and other", () => {
  it("copies a tree up, finds no difference, syncs nothing again, reads ranges, moves and purges", async () => {
    const source = join(PROJECT_ROOT, "node_modules/webdav-server/lib/server");
    const result = await copyTreeThroughServer(source, { ranges: 8, withinMs: 150_000, commandWithinSeconds: 60 });
    console.log(result.stdout);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/all done\n$/), stderr: "" });
  });
});
