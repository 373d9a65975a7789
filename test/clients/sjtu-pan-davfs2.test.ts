/** The drive as a folder of the machine: davfs2 before the real server, with the tools people edit files with. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type PanServer, startPanServer } from "#test/support/pan-server.ts";
import { pseudoRandomBytes } from "#test/support/pseudo-random.ts";
import { type DavfsMount, mountDavfs, withDavfs2 } from "./davfs-mount.ts";

const MiB = 2 ** 20;
const LINES = "first line\nsecond line\nthird line\n";
const PHOTO = pseudoRandomBytes(9 * MiB, 9);
const SEEDS: readonly (readonly [string, string | Buffer])[] = [
  ["edit/sed.txt", LINES],
  ["edit/讲义 1.txt", LINES],
  ["edit/append.txt", LINES],
  ["edit/photo.raw", PHOTO],
  ["work/old/a.txt", "a"],
  ["work/old/b.txt", "b"],
  ["shared/note.txt", LINES],
];
const SEVERAL = { timeout: 20_000 };

withDavfs2("davfs2 on /dav/sjtu, without locks (webdav.md §7)", () => {
  let server: PanServer;
  beforeAll(async () => {
    server = await startPanServer();
    // Before the server has looked: what it has listed, it believes for half an hour.
    for (const [path, content] of SEEDS) server.pan.files.put(path, content);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it("edits files in place: by sed -i, by writing into the middle, and at the end; the drive holds the new bytes once and no other name", async () => {
    const { pan } = server;
    await using mount = await mountFolder("edit");
    await mount.shell("sed -i 's/second/2nd/' sed.txt");
    await mount.shell("printf 'FIRST' | dd of='讲义 1.txt' conv=notrunc status=none");
    await mount.shell("echo 'fourth line' >> append.txt; echo 'fifth line' >> append.txt");
    await mount.shell("printf 'here' | dd of=photo.raw bs=1 seek=5000000 conv=notrunc status=none");
    // What was written can be read before it is stored.
    expect(await mount.shell("cat sed.txt '讲义 1.txt' append.txt")).toBe(
      `${LINES.replace("second", "2nd")}${LINES.replace("first", "FIRST")}${LINES}fourth line\nfifth line\n`,
    );
    await mount.unmount();

    expect(pan.files.read("edit/sed.txt").toString()).toBe(LINES.replace("second", "2nd"));
    expect(pan.files.read("edit/讲义 1.txt").toString()).toBe(LINES.replace("first", "FIRST"));
    expect(pan.files.read("edit/append.txt").toString()).toBe(`${LINES}fourth line\nfifth line\n`);
    const edited = Buffer.from(PHOTO);
    edited.write("here", 5_000_000);
    expect(pan.files.read("edit/photo.raw").equals(edited)).toBe(true);
    expect(pan.files.list("edit")).toEqual(["append.txt", "photo.raw", "sed.txt", "讲义 1.txt"]);
  });

  it("creates, renames, moves and removes files and directories, and shows them again in a new mount", async () => {
    const { pan } = server;
    const expected = {
      "kept/": null,
      "kept/a.txt": 1,
      "new folder/": null,
      "new folder/moved.bin": 100_000,
      "new folder/quoted ＂q＂？.txt": 8,
      // empty.txt waits for its content: davfs2 makes every file empty first (decision 0019).
    };
    {
      await using mount = await mountFolder("work");
      await mount.shell("mkdir 'new folder' gone; touch empty.txt gone/x.txt");
      await mount.shell("head -c 100000 /dev/urandom > made.bin; mv made.bin 'new folder/moved.bin'");
      await mount.shell(`printf 'question' > 'new folder/quoted "q"?.txt'`);
      await mount.shell("mv old kept; rm kept/b.txt; rm -r gone");
      await mount.unmount();
    }
    expect(pan.files.tree("work")).toEqual(expected);
    await using again = await mountFolder("work");
    expect(await again.shell("find . -mindepth 1 -type f -not -path './lost+found*' -printf '%P %s\\n' | sort")).toBe(
      `empty.txt 0\nkept/a.txt 1\nnew folder/moved.bin 100000\nnew folder/quoted "q"?.txt 8\n`,
    );
  });

  it("does not put an edit over what somebody else has stored meanwhile (RFC 9110 §13.1.1)", async () => {
    const { pan } = server;
    await using mount = await mountFolder("shared");
    const { user, password } = server.server;
    const put = `curl --silent --show-error --fail --user '${user}:${password}' --data-binary 'theirs' -X PUT ${server.dav}/shared/note.txt`;
    await mount.shell(`exec 3<>note.txt; ${put}; echo 'mine' >&3; exec 3>&-`);
    await expect.poll(() => mount.shell("cat lost+found/*"), SEVERAL).toMatch(/^mine\n/);
    await mount.unmount();
    expect(pan.files.read("shared/note.txt").toString()).toBe("theirs");
    expect(pan.files.list("shared")).toEqual(["note.txt"]);
  });

  function mountFolder(folder: string): Promise<DavfsMount> {
    return mountDavfs(`${server.dav}/${folder}`, server.server.user, server.server.password);
  }
});
