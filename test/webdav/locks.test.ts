/** LOCK, UNLOCK, If and what locks stand against, as clients meet them (RFC 4918 §6, §7, §9.10, §9.11, §10.4; webdav.md §5). */
import { describe, expect, it } from "vitest";
import type { User } from "#server/auth/users.ts";
import type { Vfs } from "#server/vfs/api.ts";
import {
  ADMIN,
  AUTHORIZATION,
  chunked,
  type Front,
  MISSING,
  OK,
  type Reply,
  readMultistatus,
  startFront,
} from "./harness.ts";
import { realVfs, textOf } from "./real-vfs.ts";

const SEED = { "a.txt": "a", "b.txt": "b", dir: { "one.txt": "1", sub: { "two.txt": "2" } } };
const OTHER: User = { ...ADMIN, id: 7, name: "other", role: "general" };

const lockInfo = (scope = "exclusive", owner = "<D:owner><D:href>mailto:me@example.org</D:href></D:owner>") =>
  `<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:${scope}/></D:lockscope>` +
  `<D:locktype><D:write/></D:locktype>${owner}</D:lockinfo>`;

const PATCH =
  '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">1</x></D:prop></D:set></D:propertyupdate>';

async function world(): Promise<{ vfs: Vfs; front: Front; other: Front }> {
  const vfs = await realVfs(SEED);
  return { vfs, front: await startFront(vfs), other: await startFront(vfs, { user: OTHER }) };
}

async function lock(front: Front, path: string, headers: Readonly<Record<string, string>> = {}, scope = "exclusive") {
  const reply = await front.ask("LOCK", path, headers, lockInfo(scope));
  expect([200, 201]).toContain(reply.status);
  return /^<(urn:uuid:[0-9a-f-]{36})>$/.exec(reply.headers["lock-token"] ?? "")![1]!;
}

const conditionOf = ({ text }: Reply) => /<D:error[^>]*>(<D:([\w-]+)>.*<\/D:\2>|<D:[\w-]+\/>)/.exec(text)?.[1];

describe("LOCK", () => {
  it("answers with the lock in DAV:, its token in angle brackets, owner and root (RFC 4918 §9.10.7)", async () => {
    const { front } = await world();
    const reply = await front.ask("LOCK", "/dav/dir", { Timeout: "Infinite, Second-4100000000" }, lockInfo());
    const token = reply.headers["lock-token"]!.slice(1, -1);
    expect([reply.status, reply.headers["content-type"]]).toEqual([200, "application/xml; charset=utf-8"]);
    expect(reply.text).toBe(
      '<?xml version="1.0" encoding="utf-8"?><D:prop xmlns:D="DAV:"><D:lockdiscovery><D:activelock><D:locktype><D:write/></D:locktype>' +
        "<D:lockscope><D:exclusive/></D:lockscope><D:depth>infinity</D:depth>" +
        '<D:owner xmlns:D="DAV:"><D:href>mailto:me@example.org</D:href></D:owner><D:timeout>Second-86400</D:timeout>' +
        `<D:locktoken><D:href>${token}</D:href></D:locktoken><D:lockroot><D:href>/dav/dir/</D:href></D:lockroot>` +
        "</D:activelock></D:lockdiscovery></D:prop>",
    );
  });

  it.each([
    [undefined, 3600],
    ["Second-120", 120],
    ["Second-1", 60],
    ["Second-99999999999999999999", 86_400],
    ["Infinite", 86_400],
    ["Extend, Second-300, Infinite", 300],
    ["nonsense", 3600],
  ])("grants Timeout %s for %d seconds (webdav.md §5, RFC 4918 §10.7)", async (timeout, seconds) => {
    const { front } = await world();
    const reply = await front.ask("LOCK", "/dav/a.txt", timeout === undefined ? {} : { Timeout: timeout }, lockInfo());
    expect(reply.text).toContain(`<D:timeout>Second-${seconds}</D:timeout>`);
  });

  it("gives the owner back as it came, with the namespaces that it needs (RFC 4918 §14.17)", async () => {
    const { front } = await world();
    const owner =
      '<D:owner xml:lang="de" xmlns:x="urn:x">Ich &amp; <x:who x:a="1" b="&lt;2">你</x:who><plain xmlns="urn:p"><in/></plain><![CDATA[<raw>]]></D:owner>';
    const reply = await front.ask("LOCK", "/dav/a.txt", {}, lockInfo("exclusive", owner));
    expect(reply.text).toContain(
      '<D:owner xml:lang="de" xmlns:x="urn:x" xmlns:D="DAV:">Ich &amp; <x:who x:a="1" b="&lt;2">你</x:who>' +
        '<plain xmlns="urn:p"><in/></plain>&lt;raw&gt;</D:owner>',
    );
    expect((await front.ask("LOCK", "/dav/b.txt", {}, lockInfo("exclusive", ""))).text).not.toContain("owner");
    const long = lockInfo("exclusive", `<D:owner>${"x".repeat(9000)}</D:owner>`);
    expect((await front.ask("LOCK", "/dav/dir", {}, long)).status).toBe(413);
  });

  it("makes an empty file where nothing is: 201, and 409 without the parent (RFC 4918 §9.10.4)", async () => {
    const { vfs, front } = await world();
    const reply = await front.ask("LOCK", "/dav/new.txt", { Depth: "0" }, lockInfo());
    expect([reply.status, await textOf(vfs, "/new.txt")]).toEqual([201, ""]);
    expect(reply.headers["lock-token"]).toMatch(/^<urn:uuid:/);
    expect((await front.ask("LOCK", "/dav/none/new.txt", {}, lockInfo())).status).toBe(409);
  });

  it("is for Depth 0 and infinity, and infinity where none is sent, as by Windows (RFC 4918 §9.10.3)", async () => {
    const { front } = await world();
    expect((await front.ask("LOCK", "/dav/dir", { Depth: "1" }, lockInfo())).status).toBe(400);
    expect((await front.ask("LOCK", "/dav/a.txt", { Depth: "0" }, lockInfo())).text).toContain("<D:depth>0</D:depth>");
    expect((await front.ask("LOCK", "/dav/dir", {}, lockInfo())).text).toContain("<D:depth>infinity</D:depth>");
  });

  it.each([
    ["no XML", "lockinfo"],
    ["another document", '<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>'],
    ["no scope", '<D:lockinfo xmlns:D="DAV:"><D:locktype><D:write/></D:locktype></D:lockinfo>'],
    ["no type", '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope></D:lockinfo>'],
    ["no namespace", "<lockinfo><lockscope><shared/></lockscope><locktype><write/></locktype></lockinfo>"],
    ["a DOCTYPE", `<!DOCTYPE lockinfo [<!ENTITY x "y">]>${lockInfo().slice(38)}`],
  ])("refuses a body with %s: 400", async (_what, body) => {
    const { front } = await world();
    expect((await front.ask("LOCK", "/dav/a.txt", {}, body)).status).toBe(400);
  });

  it("takes a chunked body, and up to 64 KiB (webdav.md §5)", async () => {
    const { front } = await world();
    const body = chunked(lockInfo(), 20);
    expect((await front.ask("LOCK", "/dav/a.txt", { "Transfer-Encoding": "chunked" }, body)).status).toBe(200);
    const long = lockInfo() + " ".repeat(64 * 1024);
    expect((await front.ask("LOCK", "/dav/b.txt", {}, long)).status).toBe(413);
  });

  it("refuses a second lock with the first one's root: 423 no-conflicting-lock (RFC 4918 §16)", async () => {
    const { front, other } = await world();
    await lock(front, "/dav/dir");
    for (const asker of [front, other]) {
      const reply = await asker.ask("LOCK", "/dav/dir/one.txt", {}, lockInfo("shared"));
      expect([reply.status, conditionOf(reply)]).toEqual([
        423,
        "<D:no-conflicting-lock><D:href>/dav/dir/</D:href></D:no-conflicting-lock>",
      ]);
    }
  });

  it("names the member that stands against a lock of a whole directory: 207 (RFC 4918 §9.10.9)", async () => {
    const { front } = await world();
    await lock(front, "/dav/dir/sub/two.txt");
    const reply = await front.ask("LOCK", "/dav/dir", {}, lockInfo());
    expect(reply.status).toBe(207);
    expect(reply.text).toContain("<D:href>/dav/dir/sub/two.txt</D:href><D:status>HTTP/1.1 423 Locked</D:status>");
    expect(reply.text).toContain("<D:href>/dav/dir/</D:href><D:status>HTTP/1.1 424 Failed Dependency</D:status>");
    expect((await front.ask("PUT", "/dav/dir/free.txt", {}, "x")).status).toBe(201);
  });

  it("renews without a body, at the root and below it, and answers without Lock-Token (RFC 4918 §9.10.2)", async () => {
    const { front, other } = await world();
    const token = await lock(front, "/dav/dir", { Timeout: "Second-60" });
    const If = `(<${token}>)`;
    for (const path of ["/dav/dir", "/dav/dir/sub/two.txt"]) {
      const reply = await front.ask("LOCK", path, { If, Timeout: "Second-600" });
      expect([reply.status, reply.headers["lock-token"]]).toEqual([200, undefined]);
      expect(reply.text).toMatch(/<D:timeout>Second-(600|599)<\/D:timeout>.*<D:href>\/dav\/dir\/<\/D:href>/);
    }
    expect((await front.ask("LOCK", "/dav/dir", {})).status).toBe(400);
    expect((await front.ask("LOCK", "/dav/dir", { If: "(<urn:uuid:none>)" })).status).toBe(412);
    expect((await front.ask("LOCK", "/dav/a.txt", { If: `(Not <${token}>)` })).status).toBe(412);
    expect((await other.ask("LOCK", "/dav/dir", { If })).status).toBe(403);
  });

  it("is not for those who may not write, nor for what belongs to no storage", async () => {
    const vfs = await realVfs(SEED, "/mnt/m");
    const front = await startFront(vfs);
    const reader = await startFront(vfs, { user: { ...OTHER, permission: 0x100 } });
    expect((await front.ask("LOCK", "/dav/mnt", {}, lockInfo())).status).toBe(403);
    expect((await reader.ask("LOCK", "/dav/mnt/m/a.txt", {}, lockInfo())).status).toBe(403);
    expect((await front.ask("LOCK", "/dav/mnt/m", {}, lockInfo())).status).toBe(200);
  });
});

describe("UNLOCK", () => {
  it("takes the token with and without angle brackets (webdav.md §5)", async () => {
    const { front } = await world();
    for (const form of [(t: string) => `<${t}>`, (t: string) => t]) {
      const token = await lock(front, "/dav/a.txt");
      expect((await front.ask("UNLOCK", "/dav/a.txt", { "Lock-Token": form(token) })).status).toBe(204);
      expect((await front.ask("PUT", "/dav/a.txt", {}, "free")).status).toBe(204);
    }
  });

  it("is 400 without a token, 409 with one that holds no lock there (RFC 4918 §9.11.1)", async () => {
    const { front } = await world();
    const token = await lock(front, "/dav/a.txt");
    expect((await front.ask("UNLOCK", "/dav/a.txt")).status).toBe(400);
    expect((await front.ask("UNLOCK", "/dav/a.txt", { "Lock-Token": "<a> <b>" })).status).toBe(400);
    for (const [path, wrong] of [
      ["/dav/a.txt", "<urn:uuid:00000000-0000-4000-8000-000000000000>"],
      ["/dav/b.txt", `<${token}>`],
      ["/dav/none/x", `<${token}>`],
    ] as const) {
      const reply = await front.ask("UNLOCK", path, { "Lock-Token": wrong });
      expect([reply.status, conditionOf(reply)]).toEqual([409, "<D:lock-token-matches-request-uri/>"]);
    }
  });

  it("is 403 for another user's lock, and for administrators a way out (RFC 4918 §6.4)", async () => {
    const { front, other } = await world();
    const mine = await lock(front, "/dav/a.txt");
    const others = await lock(other, "/dav/b.txt");
    expect((await other.ask("UNLOCK", "/dav/a.txt", { "Lock-Token": `<${mine}>` })).status).toBe(403);
    expect((await front.ask("UNLOCK", "/dav/b.txt", { "Lock-Token": `<${others}>` })).status).toBe(204);
  });
});

describe("a locked resource", () => {
  it("refuses every change without the token: 423 lock-token-submitted with its root (RFC 4918 §16)", async () => {
    const { front, vfs } = await world();
    await lock(front, "/dav/dir");
    const asked: readonly [string, string, Readonly<Record<string, string>>, string?][] = [
      ["PUT", "/dav/dir/one.txt", {}, "x"],
      ["PUT", "/dav/dir/new.txt", {}, "x"],
      ["DELETE", "/dav/dir/one.txt", {}],
      ["DELETE", "/dav/dir", {}],
      ["MKCOL", "/dav/dir/made", {}],
      ["MOVE", "/dav/dir/one.txt", { Destination: "/dav/c.txt" }],
      ["MOVE", "/dav/a.txt", { Destination: "/dav/dir/c.txt" }],
      ["COPY", "/dav/a.txt", { Destination: "/dav/dir/one.txt" }],
      ["PROPPATCH", "/dav/dir/one.txt", {}, PATCH],
    ];
    for (const [method, path, headers, body] of asked) {
      const reply = await front.ask(method, path, headers, body);
      expect([method, path, reply.status, conditionOf(reply)]).toEqual([
        method,
        path,
        423,
        "<D:lock-token-submitted><D:href>/dav/dir/</D:href></D:lock-token-submitted>",
      ]);
    }
    expect([await textOf(vfs, "/dir/one.txt"), await textOf(vfs, "/a.txt")]).toEqual(["1", "a"]);
    expect((await front.ask("GET", "/dav/dir/one.txt")).status).toBe(200);
    expect((await front.ask("COPY", "/dav/dir/one.txt", { Destination: "/dav/copy.txt" })).status).toBe(201);
  });

  it("takes changes with the token from the user who has it, and from nobody else (RFC 4918 §6.4)", async () => {
    const { front, other, vfs } = await world();
    const token = await lock(front, "/dav/a.txt", { Depth: "0" });
    expect((await other.ask("PUT", "/dav/a.txt", { If: `(<${token}>)` }, "theirs")).status).toBe(423);
    expect((await front.ask("PUT", "/dav/a.txt", { If: `(<${token}>)` }, "mine")).status).toBe(204);
    expect(await textOf(vfs, "/a.txt")).toBe("mine");
  });

  it("needs the directory's token for its members too when that is locked (RFC 4918 §7.4)", async () => {
    const { front } = await world();
    const directory = await lock(front, "/dav/dir", { Depth: "0" });
    const file = await lock(front, "/dav/dir/one.txt", { Depth: "0" });
    expect((await front.ask("PUT", "/dav/dir/one.txt", { If: `(<${file}>)` }, "x")).status).toBe(204);
    const only = await front.ask("DELETE", "/dav/dir/one.txt", { If: `(<${file}>)` });
    expect([only.status, conditionOf(only)]).toEqual([
      423,
      "<D:lock-token-submitted><D:href>/dav/dir/</D:href></D:lock-token-submitted>",
    ]);
    const If = `</dav/dir> (<${directory}>) </dav/dir/one.txt> (<${file}>)`;
    expect((await front.ask("DELETE", "/dav/dir/one.txt", { If })).status).toBe(204);
  });

  it("loses its lock when it is moved, and keeps it when it is overwritten (RFC 4918 §7.6)", async () => {
    const { front } = await world();
    const a = await lock(front, "/dav/a.txt");
    const b = await lock(front, "/dav/b.txt");
    const move = { Destination: `http://127.0.0.1:${front.port}/dav/b.txt`, If: `(<${a}>), </dav/b.txt> (<${b}>)` };
    expect((await front.ask("MOVE", "/dav/a.txt", move)).status).toBe(204);
    expect((await front.ask("PUT", "/dav/a.txt", {}, "free")).status).toBe(201);
    expect((await front.ask("PUT", "/dav/b.txt", {}, "locked")).status).toBe(423);
    expect((await front.ask("PUT", "/dav/b.txt", { If: `(<${b}>)` }, "mine")).status).toBe(204);
  });

  it("is refused before the client is asked for the body (webdav.md §5, RFC 9110 §10.1.1)", async () => {
    const { front } = await world();
    const token = await lock(front, "/dav/a.txt");
    const put = (headers: string) =>
      front.raw(
        `PUT /dav/a.txt HTTP/1.1\r\nHost: h\r\nAuthorization: ${AUTHORIZATION}\r\nConnection: close\r\n` +
          `Content-Length: 4\r\nExpect: 100-continue\r\n${headers}\r\n`,
      );
    const refused = await put("");
    expect([refused.status, refused.headers.interim]).toEqual([423, undefined]);
    const failed = await put("If: (<urn:uuid:none>)\r\n");
    expect([failed.status, failed.headers.interim]).toEqual([412, undefined]);
    const patched = await front.raw(
      `PROPPATCH /dav/a.txt HTTP/1.1\r\nHost: h\r\nAuthorization: ${AUTHORIZATION}\r\nConnection: close\r\n` +
        `Content-Length: ${PATCH.length}\r\nExpect: 100-continue\r\n\r\n`,
    );
    expect([patched.status, patched.headers.interim]).toEqual([423, undefined]);
    const taken = await front.ask("PUT", "/dav/a.txt", { If: `(<${token}>)`, Expect: "100-continue" }, "body");
    expect([taken.status, taken.headers.interim]).toEqual([204, "100"]);
  });

  it("shows a caller below his base path nothing of what lies above it", async () => {
    const { vfs, front } = await world();
    await lock(front, "/dav/");
    const inside = await startFront(vfs, { user: { ...OTHER, basePath: "/dir" } });
    const reply = await inside.ask("PUT", "/dav/one.txt", {}, "x");
    expect([reply.status, conditionOf(reply)]).toEqual([
      423,
      "<D:lock-token-submitted><D:href>/dav/</D:href></D:lock-token-submitted>",
    ]);
    expect(reply.text).not.toContain("dir");
  });
});

describe("If", () => {
  it("is judged before every method, against locks and entity tags (RFC 4918 §10.4)", async () => {
    const { front } = await world();
    const etag = (await front.ask("HEAD", "/dav/a.txt")).headers.etag!;
    const token = await lock(front, "/dav/a.txt");
    const cases: readonly [string, number][] = [
      [`([${etag}])`, 200],
      ['(["other"])', 412],
      [`(<${token}> [${etag}])`, 200],
      [`(<${token}>) (["other"])`, 200],
      [`(Not <${token}>)`, 412],
      ["(<DAV:no-lock>)", 412],
      ["(Not <DAV:no-lock>)", 200],
      [`<http://elsewhere:81/dav/a.txt> (<${token}>)`, 200],
      [`</dav/b.txt> (<${token}>)`, 412],
      [`</dav/%61.txt> ([${etag}])`, 200],
      ["</dav/none.txt> (Not <urn:x>)", 200],
      ["</elsewhere/a.txt> (<urn:x>)", 412],
      ["</dav/%zz> (<urn:x>)", 412],
      ["( )", 400],
      ["()", 400],
      ["(<urn:x", 400],
      ["", 400],
    ];
    for (const [header, status] of cases) {
      expect([header, (await front.ask("GET", "/dav/a.txt", { If: header })).status]).toEqual([header, status]);
    }
  });

  it("takes one header per token, as Finder sends them for a MOVE (webdav.md §7)", async () => {
    const { front } = await world();
    const a = await lock(front, "/dav/a.txt");
    const b = await lock(front, "/dav/dir", { Depth: "0" });
    const reply = await front.raw(
      `MOVE /dav/a.txt HTTP/1.1\r\nHost: 127.0.0.1:${front.port}\r\nAuthorization: ${AUTHORIZATION}\r\nConnection: close\r\n` +
        `Destination: http://127.0.0.1:${front.port}/dav/dir/a.txt\r\nIf: (<${a}>)\r\nIf: (<${b}>)\r\n\r\n`,
    );
    expect(reply.status).toBe(201);
  });
});

describe("PROPFIND", () => {
  const ask = async (front: Front, path: string, depth: "0" | "1") => {
    const body = '<D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/><D:supportedlock/></D:prop></D:propfind>';
    return readMultistatus((await front.ask("PROPFIND", path, { Depth: depth }, body)).text);
  };

  it("shows locks where they are asked for, on what they cover, with the seconds left (RFC 4918 §15.8)", async () => {
    const { front } = await world();
    const before = await ask(front, "/dav/dir", "1");
    expect(before.map(({ propstats }) => propstats[OK]?.["{DAV:}lockdiscovery"])).toEqual(["", "", ""]);
    await lock(front, "/dav/dir/one.txt", { Depth: "0", Timeout: "Second-100" });
    await lock(front, "/dav/dir/sub", { Timeout: "Second-200" }, "shared");
    const found = await ask(front, "/dav/dir", "1");
    const shown = Object.fromEntries(
      found.map(({ href, propstats }) => [href, propstats[OK]!["{DAV:}lockdiscovery"]!]),
    );
    expect(shown["/dav/dir/"]).toBe("");
    expect(shown["/dav/dir/one.txt"]).toMatch(/<exclusive>.*Second-(100|99)<locktoken>.*\/dav\/dir\/one\.txt$/);
    expect(shown["/dav/dir/sub/"]).toMatch(/<shared>.*Second-(200|199).*\/dav\/dir\/sub\/$/);
    const [below] = await ask(front, "/dav/dir/sub/two.txt", "0");
    expect(below!.propstats[OK]!["{DAV:}lockdiscovery"]).toMatch(/infinity.*\/dav\/dir\/sub\/$/);
    expect(below!.propstats[MISSING]).toBeUndefined();
  });

  it("does not remember locks with a listing", async () => {
    const { front } = await world();
    const locks = async () =>
      (await ask(front, "/dav/dir", "1")).map(({ propstats }) => propstats[OK]!["{DAV:}lockdiscovery"] !== "");
    const token = await lock(front, "/dav/dir/one.txt");
    expect(await locks()).toEqual([false, true, false]);
    await front.ask("UNLOCK", "/dav/dir/one.txt", { "Lock-Token": token });
    expect(await locks()).toEqual([false, false, false]);
    await lock(front, "/dav/dir");
    expect(await locks()).toEqual([true, true, true]);
  });

  it("tells which locks there are, and of neither in allprop (RFC 4918 §15.10, webdav.md §5)", async () => {
    const { front } = await world();
    const [self] = await ask(front, "/dav/a.txt", "0");
    expect(self!.propstats[OK]!["{DAV:}supportedlock"]).toBe(
      "<lockentry><lockscope><exclusive><locktype><write><lockentry><lockscope><shared><locktype><write>",
    );
    const all = await front.ask("PROPFIND", "/dav/a.txt", { Depth: "0" });
    expect(all.text).not.toMatch(/supportedlock|lockdiscovery/);
  });
});

it("speaks class 2 (RFC 4918 §18.2)", async () => {
  const { front } = await world();
  const { headers } = await front.ask("OPTIONS", "/dav/a.txt");
  expect(headers.dav).toBe("1, 2, 3");
  expect(headers.allow!.split(", ")).toEqual(expect.arrayContaining(["LOCK", "UNLOCK"]));
});
