import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signLink } from "#server/auth/link-signature.ts";
import { ALIST_PASSWORDS, ALIST_TOKEN, makeAlistDatabase } from "#test/support/alist-database.ts";
import { runPandav } from "#test/support/pandav.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";

describe("pandav import alist", () => {
  let folder: string;
  let file: string;
  let server: RunningServer;
  const pandav = (...args: string[]) => runPandav([...args, "--data", join(folder, "data")]);
  const digest = () => createHash("sha256").update(readFileSync(file)).digest("hex");

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-import-"));
    const docs = join(folder, "docs");
    mkdirSync(docs);
    writeFileSync(join(docs, "a.txt"), "a of old");
    ({ file } = makeAlistDatabase({ folder, flavour: "alist", local: { "/docs": docs } }));
    server = await startServer({ dataDir: join(folder, "data") });
  }, 30_000);
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("shows first, does it with --apply, and what people have goes on working at the running server", async () => {
    const before = digest();
    const shown = await pandav("import", "alist", file);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/^user +alice +add/m);
    expect(shown.stdout).toMatch(/^storage +\/115 +keep +115 Cloud; there is no such driver here/m);
    expect(shown.stderr).toContain("Nothing was changed: --apply does it.");
    const link = `${server.url}/d/docs/a.txt?sign=${signLink(ALIST_TOKEN, "/docs/a.txt", 0)}`;
    expect((await fetch(link)).status).toBe(401);

    const done = await pandav("import", "alist", file, "--apply", "--json");
    expect(done.code).toBe(0);
    const rows = done.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows).toContainEqual(expect.objectContaining({ what: "storage", name: "/docs", outcome: "add" }));
    expect(await (await fetch(link)).text()).toBe("a of old");
    const me = await fetch(`${server.url}/api/me`, { headers: { Authorization: ALIST_TOKEN } });
    expect(await me.json()).toMatchObject({ data: { username: "admin" } });
    const dav = (password: string) =>
      fetch(`${server.url}/dav/a.txt`, {
        headers: { Authorization: `Basic ${Buffer.from(`alice:${password}`).toString("base64")}` },
      });
    expect(await (await dav(ALIST_PASSWORDS.alice)).text()).toBe("a of old");
    expect((await dav("another")).status).toBe(401);
    const upload = (token: string) =>
      fetch(`${server.url}/api/pandav/import?apply=true`, {
        method: "POST",
        headers: { Authorization: token },
        body: readFileSync(file),
      });
    const again = (await (await upload(ALIST_TOKEN)).text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(again.at(-1)).toEqual({ end: true });
    expect(again.slice(0, -1).filter(({ outcome }) => outcome !== "same" && outcome !== "skip")).toEqual([]);
    const body = JSON.stringify({ username: "alice", password: ALIST_PASSWORDS.alice });
    const login = await fetch(`${server.url}/api/auth/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
    });
    const { token } = ((await login.json()) as { data: { token: string } }).data;
    expect((await upload(token)).status).toBe(403);
    expect(digest()).toBe(before);
  }, 30_000);

  it("names what is wrong: a file that is none, and with exit 1 what stands in the way", async () => {
    writeFileSync(join(folder, "text"), "hello");
    const none = await pandav("import", "alist", join(folder, "text"));
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("neither an SQLite file nor JSON")]);
    const other = makeAlistDatabase({
      folder: mkdtempSync(join(folder, "other-")),
      flavour: "openlist",
      local: {},
      more: ["update x_users set salt = 'x'"],
    });
    const taken = await pandav("import", "alist", other.file);
    expect(taken.code).toBe(1);
    expect(taken.stdout).toMatch(/^user +alice +conflict +there is a user of that name: remove that one/m);
  }, 30_000);
});
