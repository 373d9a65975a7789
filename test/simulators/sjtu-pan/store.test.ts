import { describe, expect, it } from "vitest";
import { expectViolations, open } from "./fixture.ts";

const codeIn = (text: string) => /<Code>(\w+)<\/Code>/.exec(text)?.[1];

describe("a download (sjtu-pan.md §5)", () => {
  it("is a redirect to an address of the store that needs no header", async () => {
    const { client, pan } = await open();
    pan.files.put("文档.txt", "hello world");
    const { status, headers } = await client.api(
      "GET",
      "file/文档.txt",
      "download=true&content_disposition=attachment",
    );
    expect(status).toBe(302);
    const url = new URL(headers.location ?? "");
    expect([url.protocol, url.host]).toEqual(["https:", "s3pan.jcloud.sjtu.edu.cn"]);
    expect([...url.searchParams.keys()].sort()).toEqual([
      ...["X-Amz-Algorithm", "X-Amz-Content-Sha256", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires"],
      ...["X-Amz-Signature", "X-Amz-SignedHeaders", "response-content-disposition"],
    ]);
    expect(url.searchParams.get("X-Amz-Expires")).toBe("7200");
    const got = await client.follow(url.href);
    expect([got.status, got.text]).toEqual([200, "hello world"]);
    expect(got.headers).toMatchObject({
      "content-length": "11",
      "content-type": "text/plain",
      "accept-ranges": "bytes",
      etag: '"5eb63bbbe01eeed093cb22bb8f5acdc3"',
      "content-disposition": "attachment; filename*=UTF-8''%E6%96%87%E6%A1%A3.txt",
    });
  });

  it.each([
    ["bytes=0-4", 206, "hello", "bytes 0-4/11"],
    ["bytes=6-", 206, "world", "bytes 6-10/11"],
    ["bytes=-3", 206, "rld", "bytes 8-10/11"],
    ["bytes=6-99", 206, "world", "bytes 6-10/11"],
    ["bytes=0-1,3-4", 200, "hello world", undefined],
    ["lines=1-2", 200, "hello world", undefined],
  ])("of %s is %i (sjtu-pan.md §5.2)", async (range, status, text, contentRange) => {
    const { client, pan } = await open();
    pan.files.put("a.txt", "hello world");
    const got = await client.follow(await client.link("a.txt"), { headers: { range } });
    expect([got.status, got.text, got.headers["content-range"]]).toEqual([status, text, contentRange]);
  });

  it("of a range past the end is 416 (sjtu-pan.md §6)", async () => {
    const { client, pan } = await open();
    pan.files.put("a.txt", "hello world");
    const link = await client.link("a.txt");
    for (const range of ["bytes=11-", "bytes=-0"]) {
      const got = await client.follow(link, { headers: { range } });
      expect([got.status, codeIn(got.text)]).toEqual([416, "InvalidRange"]);
    }
  });

  it("of a range of 20 GB reads at the place, whatever the size", async () => {
    const { client, pan } = await open();
    pan.files.put("big", { size: 20 * 2 ** 30, first: 0 });
    const offset = 15 * 2 ** 30;
    const got = await client.follow(await client.link("big"), { headers: { range: `bytes=${offset}-${offset + 2}` } });
    expect([...got.bytes]).toEqual([0, 1, 2].map((i) => (offset + i) % 251));
  });

  it("ends two hours after the address was given out (sjtu-pan.md §5.2)", async () => {
    const { client, pan, clock } = await open();
    pan.files.put("a.txt", "hello world");
    const link = await client.link("a.txt");
    clock.advance(7_200_000);
    expect((await client.follow(link)).status).toBe(200);
    clock.advance(1);
    const late = await client.follow(link);
    expect([late.status, codeIn(late.text), late.text]).toEqual([
      403,
      "AccessDenied",
      expect.stringContaining("expired"),
    ]);
  });

  it("goes on with the old bytes for a while after an overwrite (sjtu-pan.md §5.2)", async () => {
    const { client, pan, clock } = await open({ knobs: { objectsLingerMs: 60_000 } });
    pan.files.put("a.txt", "old");
    const link = await client.link("a.txt");
    pan.files.put("a.txt", "new");
    expect((await client.follow(link)).text).toBe("old");
    clock.advance(60_000);
    const gone = await client.follow(link);
    expect([gone.status, codeIn(gone.text)]).toEqual([404, "NoSuchKey"]);
  });

  it("of what the review holds back is refused with its code (sjtu-pan.md §1.6, §3.2)", async () => {
    const { client, pan } = await open();
    pan.files.put("a.txt", "x");
    pan.files.setAudit("a.txt", { virus: 2, refusal: "FileContentIsLoading" });
    expect((await client.api("GET", "file/a.txt")).body.code).toBe("FileContentIsLoading");
    expect((await client.api("GET", "directory/a.txt", "info")).body.virusAuditStatus).toBe(2);
    expect((await client.api("GET", "file/nowhere")).body).toMatchObject({ status: 404, code: "FileNotFound" });
  });

  it("of a preview is a redirect too, where there is one (sjtu-pan.md §5.1)", async () => {
    const { client, pan } = await open();
    pan.files.put("a.jpg", "picture");
    expect((await client.api("GET", "file/a.jpg", "preview&size=200")).status).toBe(302);
  });
});

describe("the store's checks (sjtu-pan.md §6)", () => {
  it("refuse a signature for another path, query, method or host", async () => {
    const { client, pan } = await open();
    pan.files.put("a.txt", "hello world");
    const link = new URL(await client.link("a.txt"));
    const target = link.pathname + link.search;
    const refused = [
      await client.send("store", "GET", target.replace(".txt?", ".bin?")),
      await client.send("store", "GET", target.replace("Expires=7200", "Expires=720000")),
      await client.send("store", "GET", target.replace("inline", "attachment")),
      await client.send("store", "GET", target, { headers: { host: "s3pan2.jcloud.sjtu.edu.cn" } }),
    ];
    for (const { status, text } of refused) expect([status, codeIn(text)]).toEqual([403, "SignatureDoesNotMatch"]);
    expectViolations(pan, "signature", "signature", "signature", "signature");
    expect((await client.send("store", "HEAD", target)).status).toBe(403);
    expectViolations(pan, "method");
    expect(codeIn((await client.send("store", "GET", link.pathname)).text)).toBe("AccessDenied");
    expectViolations(pan, "signature");
  });

  it("refuse headers of another part, changed, missing or added", async () => {
    const { client, pan } = await open();
    const { body } = await client.startParts("a", [1, 2]);
    const put = (number: number, headers: Record<string, string>) =>
      client.send("store", "PUT", `${body.path}?uploadId=${encodeURIComponent(body.uploadId)}&partNumber=${number}`, {
        headers,
        body: Buffer.from("x"),
      });
    const issued: Record<string, string> = body.parts["1"].headers;
    const { "x-amz-date": date = "", ...undated } = issued;
    const refused = [
      await put(2, issued),
      await put(1, undated),
      await put(1, { ...issued, "x-amz-date": date.replace("Z", "1Z") }),
      await put(1, { ...issued, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }),
      await put(1, { ...issued, "x-amz-acl": "private" }),
    ];
    for (const { status, text } of refused) expect([status, codeIn(text)]).toEqual([403, "SignatureDoesNotMatch"]);
    expectViolations(pan, "signature", "signature", "signature", "signature", "header");
    const { authorization: _authorization, ...bare } = issued;
    expect(codeIn((await put(1, bare)).text)).toBe("AccessDenied");
    expectViolations(pan, "header");
    expect((await put(1, { ...issued, "content-type": "application/octet-stream" })).status).toBe(200);
  });

  it("want the issued headers of a simple upload and no others", async () => {
    const { client, pan } = await open();
    const { body } = await client.api("PUT", "file/a.txt");
    const put = (headers: Record<string, string>) =>
      client.send("store", "PUT", body.path, { headers, body: Buffer.from("x") });
    expect((await put({ ...body.headers, "content-type": "application/octet-stream" })).status).toBe(403);
    const { "cache-control": _cacheControl, ...fewer } = body.headers;
    expect((await put(fewer)).status).toBe(403);
    expectViolations(pan, "signature", "signature");
    expect((await put(body.headers)).status).toBe(200);
  });

  it("want a length, and an id that is percent-encoded (sjtu-pan.md §4.3, §4.4)", async () => {
    const { client, pan } = await open();
    const { body } = await client.startParts("a", [1]);
    const { headers } = body.parts["1"];
    const raw = await client.send("store", "PUT", `${body.path}?uploadId=${body.uploadId}&partNumber=1`, {
      headers,
      body: Buffer.from("x"),
    });
    expect([raw.status, codeIn(raw.text)]).toEqual([403, "SignatureDoesNotMatch"]);
    expectViolations(pan, "encoding", "signature");
    const chunked = await fetch(
      `${pan.origins.store}${body.path}?uploadId=${encodeURIComponent(body.uploadId)}&partNumber=1`,
      {
        method: "PUT",
        headers,
        body: new Blob(["x"]).stream(),
        duplex: "half",
      } as RequestInit,
    );
    expect([chunked.status, codeIn(await chunked.text())]).toEqual([411, "MissingContentLength"]);
    expectViolations(pan, "header");
  });

  it("echo the origin of a browser (sjtu-pan.md §6)", async () => {
    const { client } = await open();
    const answer = await client.send("store", "OPTIONS", "/any", {
      headers: { origin: "https://example.edu", "access-control-request-headers": "x-amz-date" },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": "https://example.edu",
      "access-control-allow-headers": "x-amz-date",
    });
  });
});
