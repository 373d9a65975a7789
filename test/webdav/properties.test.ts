/** PROPPATCH, dead properties and the times and checksums that clients send (RFC 4918 §4, §9.2, webdav.md §5, §6). */
import { createHash } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Vfs } from "#server/vfs/api.ts";
import { forgetfulService } from "#test/support/forgetful-driver.ts";
import { forever, openTestVfs } from "#test/support/vfs.ts";
import { type Front, MISSING, OK, readMultistatus, startFront } from "./harness.ts";
import { realVfs, textOf } from "./real-vfs.ts";

const FORBIDDEN = "HTTP/1.1 403 Forbidden";
const DEPENDENT = "HTTP/1.1 424 Failed Dependency";
const MODIFIED = "Sat, 03 Feb 2001 04:05:06 GMT";
const MODIFIED_MS = Date.UTC(2001, 1, 3, 4, 5, 6);

const tree = () => realVfs({ "a.txt": "hello", dir: { "b.txt": "world" } });

const update = (inner: string, declarations = "") =>
  `<?xml version="1.0" encoding="utf-8"?><D:propertyupdate xmlns:D="DAV:"${declarations}>${inner}</D:propertyupdate>`;
const set = (properties: string) => `<D:set><D:prop>${properties}</D:prop></D:set>`;
const remove = (properties: string) => `<D:remove><D:prop>${properties}</D:prop></D:remove>`;
const find = (properties: string) =>
  `<D:propfind xmlns:D="DAV:" xmlns:oc="http://owncloud.org/ns"><D:prop>${properties}</D:prop></D:propfind>`;

/** What each property of one PROPPATCH came to. */
async function patch(front: Front, path: string, body: string): Promise<Readonly<Record<string, string>>> {
  const reply = await front.ask("PROPPATCH", path, {}, body);
  expect([reply.status, reply.text]).toEqual([207, expect.any(String)]);
  const [response, ...others] = readMultistatus(reply.text);
  expect(others).toEqual([]);
  const statuses = Object.entries(response!.propstats);
  return Object.fromEntries(statuses.flatMap(([status, names]) => Object.keys(names).map((name) => [name, status])));
}

/** The propstats of one resource. */
async function propstats(front: Front, path: string, body = "") {
  const reply = await front.ask("PROPFIND", path, { Depth: "0" }, body || undefined);
  expect(reply.status).toBe(207);
  return readMultistatus(reply.text)[0]!.propstats;
}

/** A front over a service that keeps neither times nor digests. */
async function forgetfulFront(): Promise<{ front: Front; vfs: Vfs; restart(): Promise<Front> }> {
  const { driver } = forgetfulService();
  let test = await openTestVfs({ drivers: [driver] });
  onTestFinished(() => test.dispose());
  await test.mount({ mountPath: "/", driver: "forgetful", settings: {} });
  return {
    front: await startFront(test.vfs),
    vfs: test.vfs,
    async restart() {
      test = await test.restart();
      return startFront(test.vfs);
    },
  };
}

describe("dead properties", () => {
  it("come back named, in allprop and in propname, of the resource and in its directory's listing (RFC 4918 §9.1)", async () => {
    const front = await startFront(await tree());
    const before = await front.ask("PROPFIND", "/dav/", { Depth: "1" });
    expect(before.text).not.toContain("author");
    const body = update(set('<x:author xmlns:x="urn:x">Jim <x:b>W.</x:b></x:author>'));
    expect(await patch(front, "/dav/a.txt", body)).toEqual({ "{urn:x}author": OK });
    for (const ask of ["", find('<author xmlns="urn:x"/>')]) {
      expect((await propstats(front, "/dav/a.txt", ask))[OK]).toMatchObject({ "{urn:x}author": "Jim <b>W." });
      const listed = readMultistatus((await front.ask("PROPFIND", "/dav/", { Depth: "1" }, ask || undefined)).text);
      const entry = listed.find(({ href }) => href === "/dav/a.txt")!;
      expect(entry.propstats[OK]).toMatchObject({ "{urn:x}author": "Jim <b>W." });
      expect(listed.find(({ href }) => href === "/dav/dir/")!.propstats[OK] ?? {}).not.toHaveProperty("{urn:x}author");
    }
    const names = await propstats(front, "/dav/a.txt", '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>');
    expect(names[OK]).toHaveProperty("{urn:x}author", "");
    expect(await patch(front, "/dav/a.txt", update(remove('<author xmlns="urn:x"/>')))).toEqual({
      "{urn:x}author": OK,
    });
    expect((await front.ask("PROPFIND", "/dav/", { Depth: "1" })).text).not.toContain("author");
  });

  it.each([
    ["a namespace of their own, by prefix", '<p:n xmlns:p="http://e/x/">v</p:n>', '<p:n xmlns:p="http://e/x/">v</p:n>'],
    ["a default namespace", '<n xmlns="http://e/x/">v</n>', '<n xmlns="http://e/x/">v</n>'],
    ["no namespace", '<n xmlns="">v</n>', '<n xmlns="">v</n>'],
    [
      "a prefix that was declared above",
      "<u:n>v<u:m u:a='1'/></u:n>",
      '<u:n xmlns:u="urn:above">v<u:m u:a="1"/></u:n>',
    ],
    ["a language of their own", '<n xmlns="u" xml:lang="de">v</n>', '<n xmlns="u" xml:lang="de">v</n>'],
    ["markup as text", "<n xmlns='u'>&lt;&amp;&#13;<![CDATA[<x>]]></n>", '<n xmlns="u">&lt;&amp;&#13;&lt;x&gt;</n>'],
    ["what is not ASCII", "<n xmlns='u'>人 😀 é</n>", '<n xmlns="u">人 😀 é</n>'],
    ["line ends in attributes", "<n xmlns='u' a='1&#10;2'/>", '<n xmlns="u" a="1&#10;2"/>'],
    ["comments, which are left out", "<n xmlns='u'>a<!-- no -->b</n>", '<n xmlns="u">ab</n>'],
  ])("keep %s (RFC 4918 §4.3)", async (_what, sent, kept) => {
    const front = await startFront(await tree());
    await patch(front, "/dav/a.txt", update(set(sent), ' xmlns:u="urn:above"'));
    const reply = await front.ask("PROPFIND", "/dav/a.txt", { Depth: "0" });
    readMultistatus(reply.text);
    expect(reply.text).toContain(kept);
  });

  it("keep the language that was in scope where they were set (RFC 4918 §4.3)", async () => {
    const front = await startFront(await tree());
    await patch(front, "/dav/a.txt", update('<D:set xml:lang="fr"><D:prop><n xmlns="u">v</n></D:prop></D:set>'));
    expect((await front.ask("PROPFIND", "/dav/a.txt", { Depth: "0" })).text).toContain(
      '<n xmlns="u" xml:lang="fr">v</n>',
    );
  });

  it("are told apart by namespace, and `__proto__` is a name like others (webdav.md §3)", async () => {
    const front = await startFront(await tree());
    const body = update(set('<n xmlns="urn:1">one</n><n xmlns="urn:2">two</n><__proto__ xmlns="urn:1">p</__proto__>'));
    expect(Object.values(await patch(front, "/dav/a.txt", body))).toEqual([OK, OK, OK]);
    const all = (await propstats(front, "/dav/a.txt"))[OK]!;
    expect([all["{urn:1}n"], all["{urn:2}n"], all["{urn:1}__proto__"]]).toEqual(["one", "two", "p"]);
    await patch(front, "/dav/a.txt", update(remove('<n xmlns="urn:1"/>')));
    const named = await propstats(
      front,
      "/dav/a.txt",
      find('<n xmlns="urn:1"/><n xmlns="urn:2"/><constructor xmlns="u"/>'),
    );
    expect(Object.keys(named[OK]!)).toEqual(["{urn:2}n"]);
    expect(Object.keys(named[MISSING]!).sort()).toEqual(["{urn:1}n", "{u}constructor"]);
  });

  it("go with MOVE and COPY, and outlive a restart (RFC 4918 §9.8.2, §9.9.1)", async () => {
    const { front, restart } = await forgetfulFront();
    await front.ask("MKCOL", "/dav/d");
    await front.ask("PUT", "/dav/d/a", {}, "hello");
    await patch(front, "/dav/d/a", update(set('<n xmlns="u">v</n>')));
    await patch(front, "/dav/d", update(set('<n xmlns="u">dir</n>')));
    await front.ask("COPY", "/dav/d", { Destination: "/dav/e" });
    await front.ask("MOVE", "/dav/d", { Destination: "/dav/f" });
    const again = await restart();
    for (const path of ["/dav/e/a", "/dav/f/a"])
      expect((await propstats(again, path))[OK]).toMatchObject({ "{u}n": "v" });
    for (const path of ["/dav/e/", "/dav/f/"])
      expect((await propstats(again, path))[OK]).toMatchObject({ "{u}n": "dir" });
  });
});

describe("PROPPATCH", () => {
  it("does all instructions in document order, several blocks of them (RFC 4918 §9.2)", async () => {
    const front = await startFront(await tree());
    const body = update(
      set('<n xmlns="u">1</n>') +
        remove('<n xmlns="u"/>') +
        set('<n xmlns="u">2</n><m xmlns="u">3</m>') +
        remove('<m xmlns="u"/>'),
    );
    expect(await patch(front, "/dav/dir/", body)).toEqual({ "{u}n": OK, "{u}m": OK });
    const all = (await propstats(front, "/dav/dir/"))[OK]!;
    expect([all["{u}n"], all["{u}m"]]).toEqual(["2", undefined]);
  });

  it("does nothing of them where one is refused: 424 for the others (RFC 4918 §9.2.1)", async () => {
    const front = await startFront(await tree());
    const body = update(
      set('<n xmlns="u">1</n><D:getetag>"mine"</D:getetag>') +
        set(`<D:getlastmodified>${MODIFIED}</D:getlastmodified>`),
    );
    const before = (await front.ask("PROPFIND", "/dav/a.txt", { Depth: "0" })).text;
    const reply = await front.ask("PROPPATCH", "/dav/a.txt", {}, body);
    expect(reply.text).toContain("<D:error><D:cannot-modify-protected-property/></D:error>");
    expect(await patch(front, "/dav/a.txt", body)).toEqual({
      "{u}n": DEPENDENT,
      "{DAV:}getetag": FORBIDDEN,
      "{DAV:}getlastmodified": DEPENDENT,
    });
    expect((await front.ask("PROPFIND", "/dav/a.txt", { Depth: "0" })).text).toBe(before);
  });

  it.each([
    "resourcetype",
    "getcontentlength",
    "getcontenttype",
    "creationdate",
    "getetag",
    "lockdiscovery",
    "supportedlock",
    "quota-used-bytes",
    "unheard-of",
  ])("refuses DAV:%s, set and removed (RFC 4918 §15)", async (name) => {
    const front = await startFront(await tree());
    for (const body of [set(`<D:${name}/>`), remove(`<D:${name}/>`)]) {
      expect(await patch(front, "/dav/a.txt", update(body))).toEqual({ [`{DAV:}${name}`]: FORBIDDEN });
    }
  });

  it("takes a displayname, shows it, and shows the name again when it is removed", async () => {
    const front = await startFront(await tree());
    await patch(front, "/dav/a.txt", update(set("<D:displayname>A &amp; 文</D:displayname>")));
    expect((await propstats(front, "/dav/a.txt"))[OK]).toMatchObject({ "{DAV:}displayname": "A & 文" });
    await patch(front, "/dav/a.txt", update(remove("<D:displayname/>")));
    expect((await propstats(front, "/dav/a.txt"))[OK]).toMatchObject({ "{DAV:}displayname": "a.txt" });
  });

  it("says 200 to the removal of what is not there (RFC 4918 §14.23)", async () => {
    const front = await startFront(await tree());
    expect(await patch(front, "/dav/a.txt", update(remove('<n xmlns="u"/>')))).toEqual({ "{u}n": OK });
  });

  it("answers 507 for the one that is too much, 424 for the others (webdav.md §5)", async () => {
    const front = await startFront(await tree());
    const body = update(set(`<n xmlns="u">1</n><m xmlns="u">${"x".repeat(65 * 1024)}</m>`));
    expect(await patch(front, "/dav/a.txt", body)).toEqual({
      "{u}n": DEPENDENT,
      "{u}m": "HTTP/1.1 507 Insufficient Storage",
    });
    expect((await propstats(front, "/dav/a.txt"))[OK]).not.toHaveProperty("{u}n");
  });

  it.each([
    ["no body", "", 400],
    ["no XML", "<", 400],
    ["another root", '<D:propfind xmlns:D="DAV:"/>', 400],
    ["no instruction", update("<D:set><D:prop/></D:set>"), 400],
    ["a DOCTYPE", `<!DOCTYPE x>${update(set('<n xmlns="u"/>'))}`, 400],
    ["more than 1 MiB", update(set(`<n xmlns="u">${"x".repeat(1024 * 1024)}</n>`)), 413],
  ])("refuses %s", async (_what, body, status) => {
    const front = await startFront(await tree());
    expect((await front.ask("PROPPATCH", "/dav/a.txt", {}, body)).status).toBe(status);
  });

  it("is 404 where nothing is, 412 when a condition fails, and 403 on what holds mounts only", async () => {
    const front = await startFront(await realVfs({}, "/m/n"));
    const body = update(set('<n xmlns="u"/>'));
    expect((await front.ask("PROPPATCH", "/dav/m/n/none", {}, body)).status).toBe(404);
    expect((await front.ask("PROPPATCH", "/dav/m", {}, body)).status).toBe(403);
    await front.ask("PUT", "/dav/m/n/a", {}, "x");
    expect((await front.ask("PROPPATCH", "/dav/m/n/a", { "If-Match": '"other"' }, body)).status).toBe(412);
    expect((await front.ask("PROPPATCH", "/dav/m/n", {}, body)).status).toBe(207);
  });
});

describe("times", () => {
  const forms = [
    ["rclone's lastmodified", `<D:lastmodified>${MODIFIED_MS / 1000}</D:lastmodified>`],
    ["getlastmodified", `<D:getlastmodified>${MODIFIED}</D:getlastmodified>`],
    [
      "Windows's",
      `<Z:Win32LastModifiedTime xmlns:Z="urn:schemas-microsoft-com:">${MODIFIED}</Z:Win32LastModifiedTime>`,
    ],
  ] as const;

  it.each(forms)(
    "%s sets the time, on a mount that takes it and on one that does not (webdav.md §5)",
    async (_form, element) => {
      const taking = await tree();
      const { front: forgetful, vfs: forgetfulVfs, restart } = await forgetfulFront();
      await forgetful.ask("PUT", "/dav/a.txt", {}, "hello");
      for (const [front, vfs] of [
        [await startFront(taking), taking],
        [forgetful, forgetfulVfs],
      ] as const) {
        await front.ask("PROPFIND", "/dav/", { Depth: "1" });
        expect(Object.values(await patch(front, "/dav/a.txt", update(set(element))))).toEqual([OK]);
        expect((await vfs.stat("/a.txt", forever)).modifiedAt).toBe(MODIFIED_MS);
        expect((await front.ask("HEAD", "/dav/a.txt")).headers["last-modified"]).toBe(MODIFIED);
        expect((await front.ask("PROPFIND", "/dav/", { Depth: "1" })).text).toContain(MODIFIED);
      }
      expect((await (await restart()).ask("HEAD", "/dav/a.txt")).headers["last-modified"]).toBe(MODIFIED);
    },
  );

  it("says 409 to a time that is none", async () => {
    const front = await startFront(await tree());
    for (const element of ["<D:lastmodified>soon</D:lastmodified>", "<D:getlastmodified>1</D:getlastmodified>"]) {
      expect(Object.values(await patch(front, "/dav/a.txt", update(set(element))))).toEqual(["HTTP/1.1 409 Conflict"]);
    }
  });

  it("keeps what Windows sets after a copy, and gives it back only by name (webdav.md §6, §7)", async () => {
    const { front } = await forgetfulFront();
    await front.ask("PUT", "/dav/a", {}, "hello");
    const names = ["Win32CreationTime", "Win32LastAccessTime", "Win32LastModifiedTime", "Win32FileAttributes"];
    const values = [MODIFIED, MODIFIED, MODIFIED, "00000020"];
    const elements = names.map((name, i) => `<Z:${name}>${values[i]}</Z:${name}>`).join("");
    const declared = ' xmlns:Z="urn:schemas-microsoft-com:"';
    expect(Object.values(await patch(front, "/dav/a", update(set(elements), declared)))).toEqual([OK, OK, OK, OK]);
    const asked = names.map((name) => `<${name} xmlns="urn:schemas-microsoft-com:"/>`).join("");
    const named = (await propstats(front, "/dav/a", find(asked)))[OK]!;
    expect(names.map((name) => named[`{urn:schemas-microsoft-com:}${name}`])).toEqual(values);
    expect((await front.ask("PROPFIND", "/dav/a", { Depth: "0" })).text).not.toContain("Win32");
    expect((await front.ask("PROPFIND", "/dav/", { Depth: "1" })).text).not.toContain("Win32");
  });
});

describe("X-OC-Mtime and OC-Checksum (webdav.md §5)", () => {
  const digest = (name: string, text: string) => createHash(name).update(text).digest("hex");
  const checksums = find("<oc:checksums/>");

  it("are accepted and shown, whether the service keeps them or not", async () => {
    const { front, restart } = await forgetfulFront();
    const headers = {
      "X-OC-Mtime": String(MODIFIED_MS / 1000),
      "OC-Checksum": `MD5:${digest("md5", "hello").toUpperCase()}`,
    };
    for (const status of [201, 204]) {
      const reply = await front.ask("PUT", "/dav/a", headers, "hello");
      expect([reply.status, reply.headers["x-oc-mtime"]]).toEqual([status, "accepted"]);
      expect(reply.headers["last-modified"]).toBe(MODIFIED);
    }
    const expected = `SHA1:${digest("sha1", "hello")} MD5:${digest("md5", "hello")}`;
    for (const open of [async () => front, restart]) {
      const at = await open();
      expect((await propstats(at, "/dav/a", checksums))[OK]).toEqual({
        "{http://owncloud.org/ns}checksums": `<checksum>${expected}`,
      });
      expect((await at.ask("PROPFIND", "/dav/", { Depth: "1" })).text).toContain(MODIFIED);
    }
  });

  it("are not shown of other content", async () => {
    const { front } = await forgetfulFront();
    await front.ask(
      "PUT",
      "/dav/a",
      { "X-OC-Mtime": "1000000", "OC-Checksum": `MD5:${digest("md5", "hello")}` },
      "hello",
    );
    await front.ask("PUT", "/dav/a", {}, "other");
    const { text } = await front.ask("PROPFIND", "/dav/a", { Depth: "0" }, checksums);
    expect(text).not.toContain("MD5");
    expect((await front.ask("HEAD", "/dav/a")).headers["last-modified"]).not.toContain("1970");
  });

  it("a checksum of other content is 400, and nothing is stored", async () => {
    const { front, vfs } = await forgetfulFront();
    const wrong = { "OC-Checksum": `SHA1:${digest("sha1", "another")}` };
    expect((await front.ask("PUT", "/dav/new", wrong, "hello")).status).toBe(400);
    expect(await textOf(vfs, "/new")).toBeUndefined();
    await front.ask("PUT", "/dav/a", {}, "old");
    expect((await front.ask("PUT", "/dav/a", wrong, "hello")).status).toBe(400);
    expect(await textOf(vfs, "/a")).toBe("old");
  });
});
