import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createReadHandler } from "#server/api/read-handler.ts";
import { type Api, openApi } from "./world.ts";

describe("GET /api/pandav/fs/read", () => {
  let api: Api;
  let server: Server;
  let origin: string;
  let owner = false;
  beforeAll(async () => {
    api = await openApi({
      seed: {
        "hello.txt": "hello world\n",
        "page.html": "<script>1</script>",
        empty: "",
        big: Buffer.alloc(300_000, 7),
      },
    });
    const handle = createReadHandler(api.deps);
    server = createServer((request, response) => void handle(request, response, { owner }));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await api.close();
  });

  const read = (
    query: string,
    headers: Record<string, string> = { Authorization: "alist-test-token" },
    method = "GET",
  ) => fetch(`${origin}/api/pandav/fs/read?${query}`, { headers, method });

  it.each([
    ["path=/local/hello.txt", "hello world\n"],
    ["path=/local/hello.txt&offset=6", "world\n"],
    ["path=/local/hello.txt&offset=6&length=5", "world"],
    ["path=/local/hello.txt&offset=6&length=500", "world\n"],
    ["path=/local/hello.txt&offset=12", ""],
    ["path=/local/hello.txt&length=0", ""],
    ["path=/local/empty", ""],
  ])("sends the bytes of %s with their length", async (query, text) => {
    const response = await read(query);
    expect([response.status, await response.text(), response.headers.get("content-length")]).toEqual([
      200,
      text,
      String(text.length),
    ]);
  });

  it("sends a body of several pieces whole", async () => {
    const bytes = Buffer.from(await (await read("path=/local/big")).arrayBuffer());
    expect(bytes.equals(Buffer.alloc(300_000, 7))).toBe(true);
  });

  it("answers HEAD with the length alone", async () => {
    const response = await read("path=/local/hello.txt", undefined, "HEAD");
    expect([response.status, response.headers.get("content-length"), await response.text()]).toEqual([200, "12", ""]);
  });

  it("never sends a page that a browser would run", async () => {
    const response = await read("path=/local/page.html");
    expect([response.headers.get("content-type"), response.headers.get("x-content-type-options")]).toEqual([
      "text/plain; charset=utf-8",
      "nosniff",
    ]);
  });

  it.each([
    ["path=/local/none", 404, "not-found"],
    ["path=/local", 409, "is-a-directory"],
    ["path=/local/hello.txt&offset=13", 416, "range-not-satisfiable"],
    ["path=/local/../x", 403, "invalid-name"],
  ])("refuses %s with status %i and the kind in the envelope", async (query, status, kind) => {
    const response = await read(query);
    expect([response.status, await response.json()]).toEqual([status, expect.objectContaining({ data: { kind } })]);
  });

  it.each(["", "path=", "path=/local/hello.txt&offset=-1", "path=/local/hello.txt&length=x"])(
    "refuses the query %j with status 400",
    async (query) => {
      expect((await read(query)).status).toBe(400);
    },
  );

  it("asks who calls, except on the control socket, and answers GET and HEAD only", async () => {
    expect((await read("path=/local/hello.txt", {})).status).toBe(401);
    expect((await read("path=/local/hello.txt", undefined, "POST")).status).toBe(405);
    owner = true;
    expect((await read("path=/local/hello.txt", {})).status).toBe(200);
    owner = false;
  });
});
