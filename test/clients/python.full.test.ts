/** The packages `alist-sdk` and `openlist`, which scripts in Python are written with. Where a step fails against the recorded servers too, it says so. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withPython } from "#test/support/python.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { mountLocal } from "./front-end-world.ts";

withPython(["alist-sdk==0.42.20", "openlist==0.1.1b3"], "clients in Python", (run) => {
  let server: RunningServer;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-python-files-"));
    server = await startServer();
    for (const name of ["first", "second"]) {
      mkdirSync(join(folder, name));
      await mountLocal(server, name, join(folder, name));
    }
    mkdirSync(join(folder, "third"));
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const session = (name: string, ...more: string[]) =>
    run(join(import.meta.dirname, "python", name), [server.url, server.user, server.password, ...more]);

  it("alist-sdk 0.42 logs in, lists, uploads, copies, moves, watches tasks and edits storages", () => {
    const seen = session("alist_sdk_session.py", join(folder, "third"));
    expect(seen).toEqual({
      "wrong password": { error: "NotLogin" },
      me: ["admin", 2],
      version: 3,
      mkdir: null,
      upload: null,
      // Stored and verified when it is answered; the client takes that as well as a task.
      "upload as a task": null,
      "upload with a space": null,
      // Its field is called upload-file; AList and OpenList know `file` alone, and say the same (alist-api.md §7.2).
      "upload by form": { code: 500, message: expect.stringMatching(/http: no such file$/) },
      // It escapes a space as +, which is a plus sign in a path: on AList and OpenList too (alist-api.md §7.1).
      list: ["a+b.txt", "put.txt", "task.txt"],
      "list of the root": ["first", "local", "second"],
      "list, kept by the client": ["a+b.txt", "put.txt", "task.txt"],
      get: ["put.txt", 11, false],
      "get of what is not there": { code: 500, message: expect.stringMatching(/object not found$/) },
      content: "from python",
      dirs: ["py"],
      // It sends no page unless told to, which the recorded servers refuse in these words (alist-api.md §6).
      search: { code: 400, message: "page can't < 1" },
      rename: null,
      copy: ["copy [/first](/py/renamed.txt) to [/second](/)"],
      "copy, its task": { name: expect.any(String), state: 2, progress: 100, error: "" },
      // AList and OpenList tell "src object is dir, …" there, which this client refuses with the whole list.
      "copy of a folder, its task": { name: "copy [/first](/py) to [/second](/)", state: 2, progress: 100, error: "" },
      copied: ["a+b.txt", "renamed.txt", "task.txt"],
      undone: [],
      clear: null,
      cleared: [],
      "delete of no task": { code: 404, message: "task not found" },
      // `data` as in OpenList; AList's is null.
      move: { tasks: [] },
      "move to another storage": { tasks: [expect.objectContaining({ name: expect.stringMatching(/^move /) })] },
      remove: null,
      remove_empty_directory: null,
      storages: ["/first", "/local", "/second"],
      "storage create": true,
      "storage update": null,
      "storage delete": null,
      users: ["admin", "guest"],
      metas: 0,
      settings: true,
      // Gone from AList long ago (its router answers 405 and no JSON).
      add_aria2: { code: 404, message: "there is no route POST /api/fs/add_aria2" },
    });
    expect(readFileSync(join(folder, "second/py/renamed.txt"), "utf8")).toBe("from python");
  });

  it("openlist 0.1 logs in, lists, writes, renames, copies, moves and flattens", () => {
    expect(session("openlist_session.py")).toEqual({
      "wrong password": { error: "NetworkError" },
      me: ["admin", 2, "/"],
      mkdir: null,
      "mkdir again": null,
      write: null,
      // The client says `overwrite: false` by sending nothing, which means true to every server (alist-api.md §7.1).
      "write again": null,
      "write of parts": null,
      list: ["inner", "parts.txt", "文件.txt"],
      "list of the root": ["first", "local", "second"],
      stat: ["文件.txt", 7, false],
      "stat of what is not there": { error: "FileNotFoundError" },
      exists: false,
      "list of a file": { error: "NotADirectoryError" },
      rename: null,
      "rename many": null,
      copy: null,
      move: null,
      "mkdir for flattening": null,
      flatten: null,
      flattened: ["again.txt", "文件.txt"],
      "rmdir of a full one": { error: "FileSystemError" },
      unlink: null,
      // It reads a page as if it were a list, as OpenList's is not either (alist-api.md §11).
      keys: { error: "TypeError" },
      // There is no SFTP; of OpenList it is refused as well, for it sends neither `title` nor `key`.
      "key add": { error: "NetworkError" },
      update: null,
    });
    expect(readFileSync(join(folder, "first/flat/文件.txt"), "utf8")).toBe("another");
  });
});
