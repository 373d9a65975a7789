/** GNOME's files through gvfs, without a desktop: a bus of its own, a mount, and the commands of `gio` (webdav.md §7). */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startServer } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { runProgram } from "./run-program.ts";

/** gvfs sends it as Latin-1 (webdav.md §5). */
const PASSWORD = "größer als länger";
const BACKENDS = ["/usr/libexec/gvfsd-dav", "/usr/lib/gvfs/gvfsd-dav", "/usr/lib/x86_64-linux-gnu/gvfs/gvfsd-dav"];

/** What it does, each step printed before it is taken. */
const SCRIPT = String.raw`
export XDG_RUNTIME_DIR="$PWD/run" HOME="$PWD" GVFS_DISABLE_FUSE=1 GIO_USE_VFS=gvfs
mkdir -m 700 run
trap 'gio mount -u "$1/" 2>/dev/null || true' EXIT
set -x
printf '%s\n' "$2" | gio mount "$1/"
gio info -f "$1/"
gio mkdir "$1/box"
gio copy here.txt "$1/box/copied.txt"
gio copy "$1/box/copied.txt" back.txt
printf 'saved anew' | gio save "$1/box/copied.txt"
gio rename "$1/box/copied.txt" 'named 50% #1.txt'
gio list "$1/box"
gio mkdir "$1/other"
gio move "$1/box/named%2050%25%20%231.txt" "$1/other/moved.txt"
gio copy "$1/other/moved.txt" "$1/other/second.txt"
gio cat "$1/other/moved.txt"
gio info "$1/other/moved.txt"
gio remove "$1/other/second.txt"
gio remove "$1/box"
if gio remove "$1/nothing.txt"; then exit 9; fi
`;

/** Named as it is not found, so that the notice says what is missing. */
const backend = BACKENDS.some((path) => existsSync(path)) ? [] : ["gvfsd-dav"];
const suite = withTools(["gio", "dbus-run-session", "bash", ...backend]);

suite("gio", () => {
  it("mounts, copies in and out, saves, renames, moves and removes", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pandav-gio-"));
    const server = await startServer({ adminPassword: PASSWORD });
    try {
      const content = "from here ".repeat(20_000);
      writeFileSync(join(folder, "here.txt"), content);
      const { host } = new URL(server.url);
      const url = `dav://${server.user}@${host}/dav/local`;
      const run = await runProgram("dbus-run-session", ["--", "bash", "-eu", "-c", SCRIPT, "bash", url, PASSWORD], {
        withinMs: 90_000,
        cwd: folder,
        env: { LC_ALL: "C.UTF-8" },
      });
      expect(run.code === 0 ? "" : run.stdout + run.stderr).toBe("");
      expect(readFileSync(join(folder, "back.txt"), "utf8")).toBe(content);
      expect(run.stdout).toMatch(/filesystem::free: [1-9]\d*/);
      expect(run.stdout).toMatch(/named 50%/);
      expect(run.stdout).toContain("saved anew");
      expect(run.stdout).toMatch(/standard::size: 10/);
      const files = join(server.dataDir, "files");
      expect(readdirSync(files, { recursive: true }).sort()).toEqual(["other", "other/moved.txt"]);
      expect(readFileSync(join(files, "other/moved.txt"), "utf8")).toBe("saved anew");
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
