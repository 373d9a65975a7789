/** A local folder as a folder of another machine: davfs2 with its locks on, and the tools people edit files with. */
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { type DavfsMount, mountDavfs, withDavfs2 } from "./davfs-mount.ts";
import { request } from "./http-put.ts";
import { runProgram } from "./run-program.ts";

const LARGE_MIB = 48;
const SOON = { timeout: 20_000 };
const LOCKS = '<D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/></D:prop></D:propfind>';
const LOCK_INFO =
  '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>';

withDavfs2("davfs2 on /dav/local, with locks (webdav.md §7)", () => {
  let server: RunningServer;
  let mount: DavfsMount;
  beforeAll(async () => {
    server = await startServer();
    mount = await mountDavfs(`${server.url}/dav/local`, server.user, server.password, { locks: true });
  });
  afterAll(async () => {
    await mount[Symbol.asyncDispose]();
    await server.stop();
  });

  const stored = (path: string) => join(server.dataDir, "files", path);
  const text = (path: string) => readFileSync(stored(path), "utf8");
  const ask = async (method: string, path: string, body = "", headers: Record<string, string> = {}) => {
    const reply = await request(server, method, `/dav/local/${path}`, Buffer.from(body), headers);
    return { status: reply.status, headers: reply.headers, text: reply.body.toString() };
  };
  const isLocked = async (path: string) =>
    (await ask("PROPFIND", path, LOCKS, { depth: "0" })).text.includes("urn:uuid:");

  it("saves as editors do: in place, through a new file that takes the old one's name, and with the old one kept beside", async () => {
    await mount.shell(
      "mkdir edit; cd edit; printf 'one\\ntwo\\n' > note.txt; printf 'a' > plan.txt; printf 'x' > 讲义.txt",
    );
    // In place.
    await mount.shell("cd edit; printf 'three\\n' >> note.txt");
    // A new file takes the name.
    await mount.shell("cd edit; sed -i 's/two/2/' note.txt; printf 'y' > .讲义.txt.tmp; mv .讲义.txt.tmp 讲义.txt");
    // The old one steps aside and goes when the new one is there.
    await mount.shell("cd edit; mv plan.txt plan.txt~; printf 'b' > plan.txt; rm plan.txt~");
    expect(await mount.shell("cd edit; cat note.txt plan.txt 讲义.txt")).toBe("one\n2\nthree\nby");
    await mount.shell("cd edit; mkdir old; mv note.txt 'old/note of 100%.txt'");
    await expect.poll(() => readdirSync(stored("edit")).sort(), SOON).toEqual(["old", "plan.txt", "讲义.txt"]);
    await expect.poll(() => text("edit/old/note of 100%.txt"), SOON).toBe("one\n2\nthree\n");
    await expect.poll(() => text("edit/plan.txt") + text("edit/讲义.txt"), SOON).toBe("by");
    for (const path of ["edit/plan.txt", "edit/讲义.txt", "edit/old/note of 100%.txt"]) {
      await expect.poll(async () => [path, await isLocked(encodeURI(path))], SOON).toEqual([path, false]);
    }
  });

  it("holds a lock on a file while a program has it open for writing, and gives it back when it is stored", async () => {
    await ask("MKCOL", "held");
    await ask("PUT", "held/old.txt", "old");
    const { user, password } = server;
    const put = (name: string) =>
      `curl --silent --output /dev/null --write-out '%{http_code} ' --user '${user}:${password}' --data-binary theirs -X PUT ${server.url}/dav/local/held/${name}`;
    const open = "until cd held; do sleep 0.2; done 2>/dev/null; exec 3<>old.txt 4>new.txt";
    const answers = await mount.shell(
      `${open}; ${put("old.txt")}; ${put("new.txt")}; echo mine >&3; echo mine >&4; exec 3>&- 4>&-`,
    );
    expect(answers).toBe("423 423 ");
    for (const name of ["old.txt", "new.txt"]) {
      await expect.poll(() => text(`held/${name}`), SOON).toBe("mine\n");
      await expect.poll(() => isLocked(`held/${name}`), SOON).toBe(false);
      expect((await ask("PUT", `held/${name}`, "theirs")).status).toBe(204);
    }
  });

  it("neither renames nor removes nor writes what somebody else has locked (RFC 4918 §7)", async () => {
    await ask("MKCOL", "others");
    await ask("PUT", "others/theirs.txt", "theirs");
    expect((await ask("LOCK", "others/theirs.txt", LOCK_INFO, { depth: "0" })).status).toBe(200);
    const tried = "for c in 'mv theirs.txt mine.txt' 'rm theirs.txt' 'echo mine > theirs.txt'";
    const said = await mount.shell(
      `until cd others; do sleep 0.2; done 2>/dev/null; ${tried}; do (eval "$c") 2>/dev/null && echo done || echo refused; done`,
    );
    expect(said).toBe("refused\nrefused\nrefused\n");
    expect([readdirSync(stored("others")), text("others/theirs.txt")]).toEqual([["theirs.txt"], "theirs"]);
  });

  it(`copies ${LARGE_MIB} MiB in and out with the same checksum, and shows the room of the disk in df`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "pandav-large-"));
    const source = join(folder, "large.bin");
    try {
      const make = `head -c ${LARGE_MIB}M /dev/urandom > "$1"`;
      await runProgram("bash", ["-euc", make, "bash", source], { withinMs: 60_000 });
      const digest = await sha256(source);
      const df = await mount.shell("df --block-size=1 --output=size,avail . | tail -1");
      const [size = 0, free = 0] = df.trim().split(/\s+/).map(Number);
      const disk = await statfs(stored(""));
      // Others write to the same disk meanwhile.
      expect(Math.abs(free - disk.bavail * disk.bsize)).toBeLessThan(0.1 * disk.blocks * disk.bsize);
      expect(size).toBeGreaterThanOrEqual(free);

      await mount.shell(`mkdir in; cp '${source}' in/copy.bin`);
      await expect.poll(() => sha256(stored("in/copy.bin")), SOON).toBe(digest);
      await expect.poll(() => isLocked("in/copy.bin"), SOON).toBe(false);
      // By another name, of which davfs2 has nothing in its cache.
      await ask("MKCOL", "out");
      renameSync(stored("in/copy.bin"), stored("out/other.bin"));
      expect(await mount.shell("until cd out; do sleep 0.2; done 2>/dev/null; sha256sum other.bin")).toBe(
        `${digest}  other.bin\n`,
      );
      await mount.unmount();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
