/** A whole session of cadaver: what a person types at a WebDAV server (webdav.md §7). */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { withTools } from "#test/support/tools.ts";
import { runCadaver } from "./cadaver-run.ts";

withTools(["cadaver"])("a session of cadaver", () => {
  let server: RunningServer;
  let folder: string;
  beforeAll(async () => {
    server = await startServer();
    folder = mkdtempSync(join(tmpdir(), "pandav-cadaver-"));
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const cadaver = (...commands: readonly string[]) => runCadaver(server, folder, commands);
  const stored = (path = "") => join(server.dataDir, "files", path);

  it("puts, gets, makes collections, copies, moves and deletes", async () => {
    mkdirSync(join(folder, "back"));
    writeFileSync(join(folder, "here.txt"), "from here");
    writeFileSync(join(folder, "m1.dat"), "m1");
    writeFileSync(join(folder, "m2.dat"), "m2");
    const said = await cadaver(
      "mkcol box",
      "cd box",
      "put here.txt there.txt",
      "mput m1.dat m2.dat",
      'copy there.txt "copy of 100% #1.txt"',
      "move there.txt moved.txt",
      "mkcol inner",
      "move m1.dat inner/",
      "copy inner inner2",
      "ls",
      "get moved.txt back/got.txt",
      'cat "copy of 100% #1.txt"',
      "delete m2.dat",
      "rmcol inner",
      "delete nothing.txt",
    );
    expect(said.match(/succeeded/g)?.length).toBeGreaterThanOrEqual(12);
    // Nothing but what was to fail has failed.
    expect(said.match(/(?:failed:|could not)[^\n]*\n?[^\n]*/gi)).toEqual(["failed:\n404 Not Found"]);
    expect(said).toMatch(/Coll:\s+inner[\s\S]*copy of 100% #1\.txt\s+9 /);
    expect(readFileSync(join(folder, "back/got.txt"), "utf8")).toBe("from here");
    expect(readdirSync(stored("box")).sort()).toEqual(["copy of 100% #1.txt", "inner2", "moved.txt"]);
    expect(readFileSync(stored("box/inner2/m1.dat"), "utf8")).toBe("m1");
  });

  it("sets, shows and takes away properties, which move with their file", async () => {
    writeFileSync(join(folder, "p.txt"), "p");
    const said = await cadaver(
      "put p.txt",
      "propset p.txt colour red",
      "propset p.txt shape round",
      "propget p.txt colour",
      "move p.txt q.txt",
      "propget q.txt colour",
      "propdel q.txt colour",
      "propget q.txt colour",
      "propnames q.txt",
    );
    expect(said.match(/Value of colour is: red/g) ?? said).toHaveLength(2);
    const deleted = said.slice(said.indexOf("Deleting property on `q.txt': succeeded."));
    expect(deleted).toMatch(/Could not fetch property: 404 Not Found/);
    expect(deleted.match(/custom-properties\/ (\w+)/g)).toEqual(["custom-properties/ shape"]);
  });

  it("locks against others, writes under its lock, refreshes it by discovery and unlocks", async () => {
    writeFileSync(join(folder, "l.txt"), "under the lock");
    const said = await cadaver("lock l.txt", "put l.txt", "showlocks", "discover l.txt", "unlock l.txt", "put l.txt");
    expect(said).toMatch(/Locking `l.txt': succeeded/);
    expect(said).toMatch(/Unlocking `l.txt': succeeded/);
    expect(said.match(/Uploading l.txt to `\/dav\/local\/l.txt':[\s\S]*?succeeded/g)).toHaveLength(2);
    expect(said.match(/urn:uuid:[0-9a-f-]{36}/g)?.length).toBeGreaterThanOrEqual(2);
    expect(readFileSync(stored("l.txt"), "utf8")).toBe("under the lock");
  });
});
