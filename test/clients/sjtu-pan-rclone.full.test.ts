/** The drive through rclone: two thousand files in forty directories. */
import { it } from "vitest";
import { withTools } from "#test/support/tools.ts";
import { copyTreeThroughPan } from "./sjtu-pan-rclone-run.ts";

withTools(["rclone", "diff"])("rclone on /dav/sjtu, two thousand files", () => {
  it.each(["owncloud", "other"] as const)(
    "copies them up and down, finds no difference, moves and purges; the service holds what was sent: vendor %s (sjtu-pan.md §3, §4)",
    async (vendor) => {
      await copyTreeThroughPan({ vendor, directories: 40, filesEach: 50, stepWithinMs: 10 * 60_000 });
    },
  );
});
