/** The drive through rclone, some hundred files. Two thousand are `sjtu-pan-rclone.full.test.ts`. */
import { it } from "vitest";
import { withTools } from "#test/support/tools.ts";
import { copyTreeThroughPan } from "./sjtu-pan-rclone-run.ts";

withTools(["rclone", "diff"])("rclone on /dav/sjtu", () => {
  it("copies a hundred files up and down, finds no difference, moves and purges; the service holds what was sent (sjtu-pan.md §3, §4)", async () => {
    await copyTreeThroughPan({ vendor: "owncloud", directories: 5, filesEach: 20, stepWithinMs: 60_000 });
  });
});
