/** An acknowledged upload is on the disk: counted at the system call. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PANDAV, startServer } from "#test/support/server.ts";
import { findTool, withTools } from "#test/support/tools.ts";
import { request } from "./http-put.ts";

const PUTS = 10;
const FILES_FSYNCED = /^\d+ +(?:fsync|fdatasync)\(\d+<([^>]*)>(?:\)| <unfinished)/gm;

withTools(["strace"])("fsync, counted by strace", () => {
  it("is called at least once for the content of every PUT before its answer", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pandav-fsync-"));
    const trace = join(folder, "trace");
    // -D: the server is our own child, so that a signal meant for it reaches it.
    const strace = [
      findTool("strace") ?? "strace",
      "-D",
      "-f",
      "-y",
      "-qq",
      "-e",
      "trace=fsync,fdatasync",
      "-o",
      trace,
    ] as const;
    try {
      const server = await startServer({
        dataDir: join(folder, "data"),
        command: [...strace, process.execPath, PANDAV, "serve"],
        readyWithinMs: 60_000,
      });
      try {
        const storedBelow = join(folder, "data", "files");
        for (let i = 0; i < PUTS; i += 1) {
          const before = fsyncsBelow(trace, storedBelow);
          const { status } = await request(server, "PUT", `/dav/local/${i}.txt`, Buffer.from(`content ${i}`));
          expect(status).toBe(201);
          expect(fsyncsBelow(trace, storedBelow)).toBeGreaterThan(before);
        }
      } finally {
        await server.stop();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** Calls so far on files below a folder. */
function fsyncsBelow(trace: string, folder: string): number {
  return [...readFileSync(trace, "utf8").matchAll(FILES_FSYNCED)].filter((match) => match[1]?.startsWith(folder))
    .length;
}
