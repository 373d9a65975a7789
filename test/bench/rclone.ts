/** `rclone serve webdav` over the world, as it comes: no cache of file contents, no authentication (which would cost it a hash per request). */
import { encodePath } from "#drivers/contract/path.ts";
import { freePort, outputOf, startServer } from "./child.ts";
import { type Contestant, running } from "./contestant.ts";

export async function rcloneContestant(root: string, configFile: string): Promise<Contestant> {
  const version = (await outputOf("rclone", ["version"])).split("\n")[0] ?? "rclone";
  const server = running(async () => {
    const port = await freePort();
    const args = ["serve", "webdav", root, "--addr", `127.0.0.1:${port}`, "--config", configFile];
    return { child: await startServer("rclone", args, port), port };
  });
  return {
    name: "rclone",
    version,
    headers: {},
    urlOf: encodePath,
    treeDirectories: (paths) => paths.map((path) => `${encodePath(path)}/`),
    ...server,
  };
}
