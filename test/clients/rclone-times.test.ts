/** rclone's vendor owncloud against a service that takes no times: what was sent once is not sent again, by checksum and by time. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startPanServer } from "#test/support/pan-server.ts";
import { withTools } from "#test/support/tools.ts";
import { runProgram } from "./run-program.ts";

const FILES = ["a.txt", "b 文.txt", "sub/c.bin", "empty"];

withTools(["rclone"])("rclone sync to SJTU Pan, vendor owncloud", () => {
  it("transfers nothing the second time, by time and by checksum, and shows the files' own times (webdav.md §7)", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pandav-rclone-times-"));
    await using world = await startPanServer();
    try {
      const source = join(folder, "source");
      mkdirSync(join(source, "sub"), { recursive: true });
      for (const [i, name] of FILES.entries()) {
        writeFileSync(join(source, name), name === "empty" ? "" : `content ${i}`.repeat(1000 * i + 1));
        utimesSync(join(source, name), 981_173_106 + i, 981_173_106 + i);
      }
      const rclone = async (...args: string[]) => {
        const obscured = await runProgram("rclone", ["obscure", world.server.password], { withinMs: 20_000 });
        const result = await runProgram(
          "rclone",
          [...args, "--stats-log-level", "NOTICE", "--stats", "1h", "--retries", "1"],
          {
            withinMs: 60_000,
            env: {
              RCLONE_CONFIG: join(folder, "none.conf"),
              RCLONE_CONFIG_DAV_TYPE: "webdav",
              RCLONE_CONFIG_DAV_URL: world.dav,
              RCLONE_CONFIG_DAV_VENDOR: "owncloud",
              RCLONE_CONFIG_DAV_USER: world.server.user,
              RCLONE_CONFIG_DAV_PASS: obscured.stdout.trim(),
            },
          },
        );
        expect(result).toMatchObject({ code: 0 });
        return result;
      };
      const transfers = (log: string) => /Transferred:\s+(\d+) \/ \d+, /.exec(log)?.[1] ?? "0";

      expect(transfers((await rclone("sync", source, "dav:t")).stderr)).toBe("4");
      expect(transfers((await rclone("sync", source, "dav:t")).stderr)).toBe("0");
      expect(transfers((await rclone("sync", "--checksum", source, "dav:t")).stderr)).toBe("0");
      const { stdout } = await rclone("lsf", "-R", "--files-only", "--format", "htp", "--hash", "SHA1", "dav:t");
      expect(stdout.trim().split("\n")).toHaveLength(4);
      expect(stdout.match(/2001-02-03/g)).toHaveLength(4);
      for (const name of FILES)
        expect(stdout).toContain(
          createHash("sha1")
            .update(readFileSync(join(source, name)))
            .digest("hex"),
        );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
