/** What a user-named URL may not lead to: offline download to loopback, link-local and LAN, no redirect re-check. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Networks, parseNetworks } from "#server/store/networks.ts";
import { createUrlGuard, isPublic } from "#server/upstream/url-guard.ts";
import { forever } from "#test/support/vfs.ts";

const NOTHING = parseNetworks("");

/** A guard whose names mean what the table says, and which lets it reach `allowed`. */
function guardOf(allowed: Networks = NOTHING, names: Record<string, readonly string[]> = {}) {
  const asked: string[] = [];
  const lookup: LookupFunction = (name, _options, done) => {
    asked.push(name);
    const addresses = names[name];
    if (!addresses) return done(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }), "", 0);
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  };
  const guard = createUrlGuard({ allowed: () => allowed, lookup });
  onTestFinished(() => guard.close());
  return Object.assign(guard, { asked });
}

async function serve(handle: RequestListener): Promise<number> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const REFUSED = expect.objectContaining({ kind: "invalid-config", message: expect.stringMatching(/private network/) });

describe("an address", () => {
  it.each([
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::7f00:1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:1::1",
    "2001:db8::1",
    "not an address",
    "",
  ])("is not public: %s (RFC 6890)", (address) => {
    expect(isPublic(address)).toBe(false);
  });

  it.each(["1.1.1.1", "8.8.8.8", "172.32.0.1", "192.169.0.1", "2606:4700::1111", "2408:8000::1", "::ffff:1.1.1.1"])(
    "is public: %s",
    (address) => {
      expect(isPublic(address)).toBe(true);
    },
  );
});

describe("a URL that a user names", () => {
  it.each([
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://[::1]:80/",
    "http://[::ffff:7f00:1]/",
    "http://169.254.169.254/latest/meta-data/",
    "https://192.168.0.1/",
    "http://0/",
    "http://１２７.0.0.1/",
    "http://[fd00::1]/",
  ])("is refused where it is a private address in any spelling: %s", (url) => {
    expect(() => guardOf().check(url)).toThrow(REFUSED);
  });

  it.each(["file:///etc/passwd", "ftp://h/x", "gopher://h/", "data:,x", "//h/x", "h", "", "javascript:1"])(
    "is refused where it is not http or https: %s",
    (url) => {
      expect(() => guardOf().check(url)).toThrow(/http:\/\/ or https:\/\//);
    },
  );

  it("is refused with a login in it, which is not repeated", () => {
    expect(() => guardOf().check("http://me:secret@h.example/")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("secret") }),
    );
  });

  it("is refused where its name leads to a private address, at the moment of connecting, one of several included", async () => {
    let hits = 0;
    const port = await serve((_request, response) => {
      hits++;
      response.end("inside");
    });
    for (const addresses of [
      ["127.0.0.1"],
      ["1.1.1.1", "127.0.0.1"],
      ["::1"],
      ["::ffff:127.0.0.1"],
      ["169.254.169.254"],
    ]) {
      const guard = guardOf(NOTHING, { "h.example": addresses });
      await expect(guard.request(`http://h.example:${port}/`, forever)).rejects.toEqual(REFUSED);
      expect(guard.asked).toEqual(["h.example"]);
    }
    expect(hits).toBe(0);
  });

  it("is refused where a name meant a public address when it was first judged (DNS rebinding)", async () => {
    let hits = 0;
    const port = await serve((_request, response) => {
      hits++;
      response.end("inside");
    });
    const names = { "h.example": ["1.1.1.1"] as readonly string[] };
    const guard = guardOf(NOTHING, names);
    expect(guard.check(`http://h.example:${port}/`).host).toBe(`h.example:${port}`);
    names["h.example"] = ["127.0.0.1"];
    await expect(guard.request(`http://h.example:${port}/`, forever)).rejects.toEqual(REFUSED);
    expect(hits).toBe(0);
  });

  it("is fetched where the owner allows its network", async () => {
    const port = await serve((request, response) => response.end(`${request.method} ${request.headers["x-a"]}`));
    const guard = guardOf(parseNetworks("127.0.0.0/8"), { "h.example": ["127.0.0.1"] });
    const reply = await guard.request(`http://h.example:${port}/x`, { ...forever, headers: { "X-A": "b" } });
    expect([reply.status, await text(reply.body)]).toEqual([200, "GET b"]);
  });

  it("is judged again at every redirect, and tells the next host no secrets", async () => {
    const seen: (string | undefined)[] = [];
    const port = await serve((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url === "/inside") response.writeHead(302, { Location: "http://[::1]/secret" }).end();
      else if (request.url === "/name") response.writeHead(307, { Location: `http://inside.example:${port}/` }).end();
      else if (request.url === "/scheme") response.writeHead(302, { Location: "file:///etc/passwd" }).end();
      else if (request.url === "/round") response.writeHead(302, { Location: "/round" }).end();
      else if (request.url === "/away") response.writeHead(302, { Location: `http://other.example:${port}/end` }).end();
      else response.end("end");
    });
    const names = { "h.example": ["127.0.0.1"], "other.example": ["127.0.0.1"], "inside.example": ["10.0.0.1"] };
    // The one address that answers here is allowed; others of this machine and of private networks are not.
    const guard = guardOf(parseNetworks("127.0.0.1"), names);
    const server = `http://h.example:${port}`;
    const o = { ...forever, headers: { Authorization: "Bearer secret" } };
    for (const path of ["/inside", "/name"]) await expect(guard.request(server + path, o)).rejects.toEqual(REFUSED);
    await expect(guard.request(`${server}/scheme`, o)).rejects.toThrow(/http:\/\//);
    await expect(guard.request(`${server}/round`, o)).rejects.toThrow(/more than 5 times/);
    const reply = await guard.request(`${server}/away`, o);
    expect([await text(reply.body), reply.url.host]).toEqual(["end", `other.example:${port}`]);
    expect(seen.at(-2)).toBe("Bearer secret");
    expect(seen.at(-1)).toBeUndefined();
  });

  it("ends with the caller's signal, and says where nobody answers", async () => {
    const port = await serve(() => {});
    const guard = guardOf(parseNetworks("127.0.0.1"), { "h.example": ["127.0.0.1"] });
    const leaving = new AbortController();
    const asked = guard.request(`http://h.example:${port}/`, { signal: leaving.signal });
    leaving.abort(new Error("left"));
    await expect(asked).rejects.toThrow("left");
    await expect(guard.request("http://none.example/", forever)).rejects.toMatchObject({ kind: "unavailable" });
  });
});
