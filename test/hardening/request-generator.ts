/** Requests that a seed decides: methods × paths × headers × bodies, most of them almost right, for those go deepest. */
import { pseudoRandom } from "#test/support/pseudo-random.ts";

/** One request as bytes. */
export interface FuzzedRequest {
  readonly bytes: Buffer;
  /** The client leaves when it has sent them. */
  readonly cut: boolean;
}

/** What the generated requests log in with. */
export interface Credentials {
  readonly basic: string;
  readonly token: string;
}

const METHODS =
  "GET HEAD PUT DELETE OPTIONS PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK POST PATCH TRACE REPORT SEARCH BREW get".split(
    " ",
  );

const NAMES = [
  "a.txt",
  "b.txt",
  "dir",
  "dir/x",
  "dir/y/z",
  "new",
  "empty",
  "%E4%B8%AD%E6%96%87.txt",
  "caf%C3%A9",
  "cafe%CC%81",
  "%61.txt",
  "A.TXT",
  ".DS_Store",
  "._a.txt",
  "desktop.ini",
  "~$a.docx",
  "a%20b",
  "a%3Fb%23c",
  "%F0%9F%98%80",
  "x".repeat(255),
  "x".repeat(1025),
  "con",
  "a%5Cb",
  "",
];

/** Ways out, and what parsers trip over. */
const NASTY = [
  "..",
  "%2e%2e",
  "%2E.",
  ".%2e",
  "...",
  ".",
  "%2f",
  "%2F..%2f",
  "..%2f..%2f",
  "..%5c",
  "%5c..%5c",
  "%252e%252e",
  "%c0%ae%c0%ae",
  "%00",
  "%",
  "%zz",
  "%f",
  "%ff%fe",
  "%ed%a0%80",
  "\\..\\",
  ";x=y",
  "?path=/..",
  "#frag",
  "*",
  "//",
  "%0d%0aX: y",
  "é",
  "\u0000",
  "\u007f",
  "~root",
  "secret.txt",
  "..%2fsecret.txt",
  "../secret.txt",
  "../../pandav.db",
  "../../../../../etc/passwd",
  "%2e%2e/%2e%2e/secret.key",
  "__proto__",
  "constructor",
];

const ROUTES = [
  "/dav/",
  "/dav/",
  "/dav/",
  "/dav/",
  "/dav/",
  "/dav",
  "/",
  "/davx/",
  "/api/pandav/fs/content?path=/",
  "/api/pandav/fs/read?path=/",
  "/api/fs/list",
  "/api/fs/get",
  "/api/fs/dirs",
  "/api/fs/mkdir",
  "/api/fs/rename",
  "/api/fs/move",
  "/api/fs/copy",
  "/api/fs/remove",
  "/api/pandav/fs/stat?path=/",
  "/api/pandav/fs/walk?path=/",
  "/api/pandav/fs/du?path=/",
  "/api/pandav/fs/remove",
  "/api/pandav/fs/mkdir",
  "/api/pandav/fs/transfer",
  "/api/pandav/trash?path=/",
  "/api/pandav/usage?path=/",
  "/api/me",
  "/api/admin/user/list",
  "/api/admin/storage/list",
  "/api/pandav/audit",
  "/api/pandav/tokens",
  "/metrics",
  "/healthz",
  "/ping",
  "/p/",
  "/d/",
  "/api/openapi.json",
  "/api/public/settings",
  "/api/nope",
];

const XML = [
  '<?xml version="1.0"?><propfind xmlns="DAV:"><allprop/></propfind>',
  '<propfind xmlns="DAV:"><propname/></propfind>',
  '<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><x xmlns="urn:x"/><D:lockdiscovery/><D:quota-used-bytes/></D:prop></D:propfind>',
  '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><a xmlns="urn:a">é</a><D:lastmodified>1</D:lastmodified></D:prop></D:set><D:remove><D:prop><b/></D:prop></D:remove></D:propertyupdate>',
  '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>me</D:owner></D:lockinfo>',
  '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>',
  '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><propfind xmlns="DAV:"><prop>&b;</prop></propfind>',
  '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:"><prop>&e;</prop></propfind>',
  `${"<a>".repeat(200)}`,
  '<p:propfind xmlns:p=""><p:allprop/></p:propfind>',
];

const JSON_BODIES = [
  '{"path":"/","password":"","page":1,"per_page":0,"refresh":false}',
  '{"path":"/a.txt"}',
  '{"dir":"/","names":["a.txt","../secret.txt"]}',
  '{"src_dir":"/","dst_dir":"/dir","names":["a.txt"]}',
  '{"path":"/a.txt","name":"../x"}',
  '{"paths":["/a.txt","/../secret.txt"],"mode":"permanent"}',
  '{"from":["/a.txt"],"to":"/dir","move":true}',
  '{"__proto__":{"x":1},"path":["/"]}',
  '{"path":1e999}',
  "[[[[[[[[[[",
  "null",
];

const HEADERS: readonly (readonly [string, readonly string[]])[] = [
  ["Depth", ["0", "1", "infinity", "-1", "2", "", "1, noroot"]],
  ["Overwrite", ["T", "F", "x", ""]],
  ["If", ["(<urn:uuid:none>)", "( )", "(Not <x:y>)", '(["etag"])', "</dav/a.txt> (<a:b>)", "((((", "<"]],
  ["If-Match", ["*", '"x"', "x", 'W/"x"', ""]],
  ["If-None-Match", ["*", '"x"', "JoplinIgnore-1"]],
  ["If-Modified-Since", ["Sun, 09 Sep 2001 01:46:40 GMT", "x", "Sun, 99 Foo 9999 99:99:99 GMT"]],
  ["If-Range", ['"x"', "Sun, 09 Sep 2001 01:46:40 GMT"]],
  [
    "Range",
    [
      "bytes=0-0",
      "bytes=-1",
      "bytes=5-",
      "bytes=9-1",
      "bytes=0-1,3-4",
      "lines=1",
      "bytes=99999999999999999999-",
      "bytes=",
      `bytes=${"0-1,".repeat(500)}`,
    ],
  ],
  ["Content-Range", ["bytes 0-1/2", "x"]],
  ["Expect", ["100-continue", "200-ok", ""]],
  ["Lock-Token", ["<urn:uuid:none>", "urn:uuid:none", "<", ""]],
  ["Timeout", ["Second-60", "Infinite, Second-4100000000", "Second--1", "x"]],
  ["X-OC-Mtime", ["1000000000", "-1", "1e999", "x", "99999999999999"]],
  ["OC-Checksum", ["SHA1:00", "MD5:d41d8cd98f00b204e9800998ecf8427e", "x:y:z"]],
  ["X-Expected-Entity-Length", ["0", "5", "99999999999999999999", "x"]],
  [
    "Content-Type",
    ["application/json", "text/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "\u0001"],
  ],
  ["Accept-Encoding", ["gzip", "gzip;q=0", "br, *;q=0.1", "x"]],
  ["Origin", ["https://evil.example", "null", "x"]],
  ["Access-Control-Request-Method", ["PUT"]],
  ["X-Forwarded-For", ["1.2.3.4", "x, y", "::1, [::1]:5"]],
  ["X-Forwarded-Host", ["evil.example", "a\tb"]],
  ["Password", ["x", "%zz"]],
  ["Cookie", ["token=x"]],
  ["Upgrade", ["websocket", "h2c"]],
  ["Transfer-Encoding", ["gzip, chunked", "identity", "x", "chunked, chunked"]],
  ["Content-Length", ["0", "5", "-1", "1e3", "9007199254740993", "4294967296", "0x5", "5, 5"]],
  ["User-Agent", ["WebDAVFS/3.0.0", "Microsoft-WebDAV-MiniRedir/10.0", "x".repeat(5_000)]],
  ["Client-Id", ["x", "\u00ff"]],
  ["Host", ["", "evil.example", "a b"]],
];

/** What files clients send all day, so that there is always something for the others to meet: method, what its body is, and headers. */
const TAME: readonly (readonly [string, "none" | "bytes" | "propfind" | "proppatch" | "lock", readonly string[]])[] = [
  ["PROPFIND", "none", ["Depth: 1", "Depth: 0"]],
  ["PROPFIND", "propfind", ["Depth: 1", "Depth: 0", "Accept-Encoding: gzip"]],
  ["PUT", "bytes", ["Overwrite: T", "If-None-Match: *", "X-OC-Mtime: 1000000000", "Expect: 100-continue"]],
  ["PUT", "bytes", ["Content-Type: text/plain"]],
  ["PUT", "bytes", []],
  ["MKCOL", "none", []],
  ["MKCOL", "none", []],
  ["GET", "none", ["Range: bytes=0-3", "Range: bytes=-2", "Range: bytes=900-", 'If-None-Match: "x"', "If-Match: *"]],
  ["HEAD", "none", []],
  ["COPY", "none", ["Overwrite: T", "Overwrite: F", "Depth: 0"]],
  ["MOVE", "none", ["Overwrite: T", "Overwrite: F"]],
  ["DELETE", "none", []],
  ["PROPPATCH", "proppatch", []],
  ["LOCK", "lock", ["Depth: 0", "Timeout: Second-60"]],
  ["UNLOCK", "none", ["Lock-Token: <urn:uuid:none>"]],
  ["OPTIONS", "none", []],
];

/** Names of things that exist now and then. */
const TAME_NAMES = [
  "a.txt",
  "b.txt",
  "dir",
  "dir/",
  "dir/x",
  "dir/y",
  "dir/y/z",
  "new",
  "new/a",
  "empty",
  "%E4%B8%AD%E6%96%87.txt",
  "",
];
const API_ROUTES = ROUTES.filter((route) => route.startsWith("/api/"));

/** An endless sequence that the seed decides. */
export function* fuzzedRequests(seed: number, credentials: Credentials): Generator<FuzzedRequest> {
  const random = pseudoRandom(seed);
  const chance = (p: number) => random() < p;
  const below = (n: number) => Math.floor(random() * n);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;

  function target(): string {
    let path = pick(ROUTES) + pick(chance(0.5) ? TAME_NAMES : NAMES);
    for (let n = chance(0.35) ? 1 + below(3) : 0; n > 0; n--) {
      const at = below(path.length + 1);
      path = `${path.slice(0, at)}${pick(["", "/"])}${pick(NASTY)}${pick(["", "/"])}${path.slice(at)}`;
    }
    if (chance(0.03)) path = `http://any.host${path}`;
    if (chance(0.02)) path = pick(["*", "", "?", "http://", "//", "/".repeat(3_000), `/${"%".repeat(300)}`]);
    return path.replace(/[\s]/g, "%20");
  }

  function authorization(): string | undefined {
    const dice = random();
    if (dice < 0.8) return chance(0.7) ? credentials.basic : credentials.token;
    if (dice < 0.9) return undefined;
    // Each wrong password costs a hash: few of them.
    if (dice < 0.902) return `Basic ${Buffer.from(`nobody${below(99)}:guess`).toString("base64")}`;
    return pick([
      "Basic",
      "Basic !!!",
      "Basic eA==",
      "Bearer x",
      "Digest username=x",
      "Bearer ",
      "\u00ff",
      "Negotiate TlRMTVNTUAAB",
      `Bearer ${"x".repeat(9_000)}`,
    ]);
  }

  function body(path: string): Buffer {
    if (chance(0.35)) return Buffer.alloc(0);
    const dice = random();
    if (dice < 0.1) return Buffer.from(Array.from({ length: below(3_000) }, () => below(256)));
    let text = path.includes("/api/") && chance(0.8) ? pick(JSON_BODIES) : pick(XML);
    if (chance(0.3)) {
      const at = below(text.length);
      text =
        text.slice(0, at) + pick(["", "<", "&", "\u0000", '"', "é", "\ud800", "]]>", "{"]) + text.slice(at + below(5));
    }
    if (chance(0.02)) text = text.repeat(300);
    return Buffer.from(text, chance(0.1) ? "utf16le" : "utf8");
  }

  function framed(content: Buffer): { readonly lines: string[]; readonly bytes: Buffer } {
    if (chance(0.25)) {
      const size = content.length.toString(16);
      const odd = chance(0.1) ? pick(["zz", "-1", "ffffffffffffffff", "5;ext=1", ""]) : size;
      const bytes =
        content.length === 0
          ? Buffer.from("0\r\n\r\n")
          : Buffer.concat([Buffer.from(`${odd}\r\n`), content, Buffer.from("\r\n0\r\n\r\n")]);
      return { lines: ["Transfer-Encoding: chunked"], bytes };
    }
    const length = chance(0.04) ? content.length + below(50) - 25 : content.length;
    return { lines: content.length > 0 || chance(0.5) ? [`Content-Length: ${length}`] : [], bytes: content };
  }

  function tameBody(kind: (typeof TAME)[number][1]): Buffer {
    if (kind === "none") return Buffer.alloc(0);
    if (kind === "bytes") return Buffer.from("0123456789".repeat(below(30)));
    const from = { propfind: XML.slice(0, 3), proppatch: XML.slice(3, 4), lock: XML.slice(4, 6) }[kind];
    return Buffer.from(pick(from));
  }

  /** What a client means, or the API's own command line. */
  function tame(): FuzzedRequest {
    const login = `Authorization: ${chance(0.9) ? credentials.basic : credentials.token}`;
    if (chance(0.2)) {
      const isGet = chance(0.4);
      const path = pick(API_ROUTES) + (isGet ? pick(TAME_NAMES) : "");
      const content = Buffer.from(isGet ? "" : pick(JSON_BODIES));
      const lines = [
        `Authorization: ${credentials.token}`,
        "Content-Type: application/json",
        `Content-Length: ${content.length}`,
      ];
      return assembled(isGet ? "GET" : "POST", path, lines, content);
    }
    const [method, kind, headers] = pick(TAME);
    const content = tameBody(kind);
    const lines = [login, `Content-Length: ${content.length}`];
    if (headers.length > 0 && chance(0.5)) lines.push(pick(headers));
    if (method === "COPY" || method === "MOVE")
      lines.push(`Destination: ${pick(["", "http://h"])}/dav/${pick(TAME_NAMES)}`);
    return assembled(method, `/dav/${pick(TAME_NAMES)}`, lines, content);
  }

  function assembled(method: string, path: string, lines: readonly string[], content: Buffer): FuzzedRequest {
    const head = `${method} ${path} HTTP/1.1\r\n${[...lines, "Host: h", "Connection: close"].join("\r\n")}\r\n\r\n`;
    return { bytes: Buffer.concat([Buffer.from(head, "latin1"), content]), cut: chance(0.02) };
  }

  for (;;) {
    if (chance(0.5)) {
      yield tame();
      continue;
    }
    const path = target();
    const { lines, bytes } = framed(body(path));
    const login = authorization();
    if (login !== undefined) lines.push(`Authorization: ${login}`);
    for (let n = below(4); n > 0; n--) {
      const [name, values] = pick(HEADERS);
      lines.push(`${name}: ${pick(values)}`);
    }
    if (chance(0.3)) {
      const to = chance(0.5) ? `/dav/${pick(NAMES)}` : `/dav/${pick(NASTY)}/${pick(NAMES)}`;
      lines.push(`Destination: ${pick(["", "http://h", "https://other.example", "ftp://h"])}${to}`);
    }
    if (chance(0.97)) lines.push("Host: h");
    lines.push("Connection: close");
    const head = `${pick(METHODS)} ${path} HTTP/1.${chance(0.97) ? 1 : 0}\r\n${lines.join("\r\n")}\r\n\r\n`;
    const whole = Buffer.concat([Buffer.from(head, "latin1"), bytes]);
    if (chance(0.02)) for (let n = 1 + below(4); n > 0; n--) whole[below(whole.length)] = below(256);
    const cut = chance(0.03);
    yield { bytes: cut ? whole.subarray(0, 1 + below(whole.length)) : whole, cut };
  }
}
