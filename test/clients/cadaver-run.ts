/** A session of cadaver, its commands read from a file. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunningServer } from "#test/support/server.ts";
import { runProgram } from "./run-program.ts";

/** What cadaver printed while it ran the commands at `/dav/local/`; its local files are in `folder`. */
export async function runCadaver(
  server: Pick<RunningServer, "url" | "user" | "password">,
  folder: string,
  commands: readonly string[],
): Promise<string> {
  const rc = join(folder, "cadaverrc");
  writeFileSync(rc, `${commands.join("\n")}\nquit\n`);
  const login = `machine 127.0.0.1 login ${server.user} password "${server.password}"\n`;
  writeFileSync(join(folder, ".netrc"), login, { mode: 0o600 });
  const { stdout, stderr } = await runProgram("cadaver", [`--rcfile=${rc}`, `${server.url}/dav/local/`], {
    withinMs: 30_000,
    env: { HOME: folder },
    cwd: folder,
  });
  return stdout + stderr;
}
