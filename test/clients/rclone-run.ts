/** The script `rclone-tree.sh` against a server of its own. */
import { join } from "node:path";
import { PROJECT_ROOT, startServer } from "#test/support/server.ts";
import { type ProgramResult, runProgram } from "./run-program.ts";

/** Copies `source` through the real server with each vendor, checks it in every way of the script, and removes it. */
export async function copyTreeThroughServer(
  source: string,
  options: { readonly ranges: number; readonly withinMs: number; readonly commandWithinSeconds: number },
): Promise<ProgramResult> {
  const server = await startServer();
  try {
    return await runProgram(
      join(PROJECT_ROOT, "test/clients/rclone-tree.sh"),
      [`${server.url}/dav/local`, server.user, server.password, source, "owncloud", "other"],
      {
        withinMs: options.withinMs,
        env: {
          RCLONE_TREE_RANGES: String(options.ranges),
          RCLONE_TREE_DEADLINE: String(options.commandWithinSeconds),
        },
      },
    );
  } finally {
    await server.stop();
  }
}
