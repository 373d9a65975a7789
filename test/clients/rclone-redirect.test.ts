/** rclone downloads through a redirect to the service's own store (webdav.md §7.1). */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { pseudoRandomBytes } from "#test/support/pseudo-random.ts";
import { startRedirectingPan } from "#test/support/redirecting-pan.ts";
import { withTools } from "#test/support/tools.ts";
import { runProgram } from "./run-program.ts";

const FILES: ReadonlyMap<string, Buffer> = new Map([
  ["film.mkv", pseudoRandomBytes(9_000_001, 1)],
  ["sub/讲义 100%.pdf", pseudoRandomBytes(1_500_000, 2)],
  ["note.txt", Buffer.from("small")],
]);
const TOTAL = [...FILES.values()].reduce((sum, bytes) => sum + bytes.length, 0);

withTools(["rclone"])("rclone through a redirect", () => {
  it("follows the 302 to the store and gets every byte of whole files and of ranges, none of them through the server", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pandav-rclone-redirect-"));
    await using pan = await startRedirectingPan();
    const { world } = pan;
    try {
      for (const [path, bytes] of FILES) world.pan.files.put(path, bytes);
      const first = await fetch(`${pan.dav}/film.mkv`, {
        headers: { authorization: world.authorization },
        redirect: "manual",
      });
      const to = new URL(first.headers.get("location") ?? "http://nowhere/");
      expect([first.status, to.hostname]).toEqual([302, world.pan.world.storeHost]);
      const obscured = await runProgram("rclone", ["obscure", world.server.password], { withinMs: 20_000 });
      const rclone = async (...args: string[]) => {
        const once = ["--retries", "1", "--low-level-retries", "1", "--no-check-certificate"];
        const result = await runProgram("rclone", [...args, ...once], {
          withinMs: 60_000,
          env: {
            ...pan.env,
            RCLONE_CONFIG: join(folder, "none.conf"),
            RCLONE_CONFIG_DAV_TYPE: "webdav",
            RCLONE_CONFIG_DAV_URL: pan.dav,
            RCLONE_CONFIG_DAV_VENDOR: "owncloud",
            RCLONE_CONFIG_DAV_USER: world.server.user,
            RCLONE_CONFIG_DAV_PASS: obscured.stdout.trim(),
          },
        });
        expect(result).toMatchObject({ code: 0 });
        return result.stdout;
      };
      await rclone("copy", "dav:", join(folder, "back"));
      for (const [path, bytes] of FILES) {
        expect([path, digest(readFileSync(join(folder, "back", path)))]).toEqual([path, digest(bytes)]);
      }
      expect(pan.sent()).toBeGreaterThan(TOTAL);
      const piece = await rclone("cat", "dav:note.txt", "--offset", "1", "--count", "3");
      expect(piece).toBe("mal");
      expect(world.pan.log.counts()["store.get"]).toBe(FILES.size + 1);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
