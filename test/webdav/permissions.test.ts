import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BIT } from "#server/auth/permission-bits.ts";
import { openPermissionWorld, type PermissionWorld } from "#test/server/permissions/world.ts";

describe("rules of folders over WebDAV (alist-api.md §4.9, §17.2)", () => {
  let world: PermissionWorld;
  beforeEach(async () => {
    world = await openPermissionWorld({
      d: { "a.txt": "a", "b.tmp": "b", "c.tmp": "c" },
      secret: { "s.txt": "s" },
      other: {},
    });
    const bits = BIT.webdav_read | BIT.webdav_manage | BIT.write | BIT.move | BIT.copy | BIT.delete;
    for (const [name, more] of [
      ["ann", 0],
      ["eve", BIT.see_hides | BIT.access_without_password],
    ] as const) {
      const input = { name, basePath: "/m", permission: bits | more, disabled: false };
      await world.deps.auth.users.create(input, "secret");
    }
  });
  afterEach(() => world.close());

  const ask = (method: string, path: string, user: string, headers: Record<string, string> = {}, body?: string) =>
    world.ask({
      method,
      target: `/dav${path}`,
      headers: { Authorization: `Basic ${btoa(user)}`, ...headers },
      ...(body !== undefined && { body }),
    });
  const names = async (path: string, user: string) => {
    const { text } = await ask("PROPFIND", path, user, { Depth: "1" });
    return [...text.matchAll(/<D:href>\/dav([^<]*)<\/D:href>/g)].map(([, href]) => href).slice(1);
  };

  it("what is prepared for who sees all is not shown to whom names are hidden, nor the reverse, and follows the rules", async () => {
    await world.addMeta({ path: "/m/d", hide: "^b\\." });
    for (let i = 0; i < 2; i++) {
      expect(await names("/d", "eve:secret")).toEqual(["/d/a.txt", "/d/b.tmp", "/d/c.tmp"]);
      expect(await names("/d", "ann:secret")).toEqual(["/d/a.txt", "/d/c.tmp"]);
    }
    const { metas } = world.deps.auth;
    const [rules] = metas.list();
    await metas.update(rules!.id, { ...rules!, password: undefined, hide: "\\.tmp$" });
    expect(await names("/d", "ann:secret")).toEqual(["/d/a.txt"]);
    await metas.remove(rules!.id);
    expect(await names("/d", "ann:secret")).toEqual(["/d/a.txt", "/d/b.tmp", "/d/c.tmp"]);
  });

  it("a hidden name is not found, cannot be made, and its directory goes nowhere where it would be shown", async () => {
    await world.addMeta({ path: "/m/d", hide: "\\.tmp$", hideSub: true });
    expect((await ask("GET", "/d/b.tmp", "ann:secret")).status).toBe(404);
    expect((await ask("PROPFIND", "/d/b.tmp", "ann:secret", { Depth: "0" })).status).toBe(404);
    expect((await ask("PUT", "/d/new.tmp", "ann:secret", {}, "x")).status).toBe(403);
    expect((await ask("DELETE", "/d/b.tmp", "ann:secret")).status).toBe(403);
    const to = (path: string) => ({ Destination: `/dav${path}` });
    expect((await ask("COPY", "/d/a.txt", "ann:secret", to("/d/new.tmp"))).status).toBe(403);
    expect((await ask("COPY", "/d", "ann:secret", to("/other/d"))).status).toBe(403);
    expect((await ask("MOVE", "/d", "ann:secret", to("/other/d"))).status).toBe(403);
    expect((await ask("COPY", "/d", "eve:secret", to("/other/d"))).status).toBe(201);
    expect((await ask("COPY", "/d/a.txt", "ann:secret", to("/other/a.txt"))).status).toBe(201);
  });

  it("a folder with a password is shut to who has no bit for it, with all that is in it; the guest may say it", async () => {
    await world.addMeta({ path: "/m/secret", password: "open", passwordSub: true });
    expect((await ask("GET", "/secret/s.txt", "ann:secret")).status).toBe(403);
    expect((await ask("GET", "/secret/s.txt", "eve:secret")).text).toBe("s");
    expect((await ask("COPY", "/secret", "ann:secret", { Destination: "/dav/other/s" })).status).toBe(403);
    const { users } = world.deps.auth;
    const guest = await users.guest();
    await users.update(guest.id, { ...guest, basePath: "/m", permission: BIT.webdav_read, disabled: false });
    expect((await ask("GET", "/secret/s.txt", "guest:open")).text).toBe("s");
    expect((await ask("GET", "/secret/s.txt", "guest:wrong")).status).toBe(403);
    expect((await ask("GET", "/d/a.txt", "guest:")).text).toBe("a");
    expect((await world.ask({ method: "GET", target: "/dav/d/a.txt" })).status).toBe(401);
  });

  it("a listing's permissions are the caller's own, not only the storage's", async () => {
    const body =
      '<D:propfind xmlns:D="DAV:"><D:prop><p xmlns="http://owncloud.org/ns">x</p><o:permissions xmlns:o="http://owncloud.org/ns"/></D:prop></D:propfind>';
    const letters = async (user: string) => {
      const { text } = await ask("PROPFIND", "/d/a.txt", user, { Depth: "0" }, body);
      return /<oc:permissions>([A-Z]*)<\/oc:permissions>/.exec(text)?.[1];
    };
    const all = await letters("eve:secret");
    const eve = (await world.deps.auth.users.find("eve"))!;
    await world.deps.auth.users.update(eve.id, { ...eve, permission: BIT.webdav_read });
    expect(all).toContain("D");
    expect(await letters("eve:secret")).not.toContain("D");
  });
});
