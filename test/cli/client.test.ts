import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Call, Client, Refused } from "#server/cli/client.ts";
import { Interrupted } from "#server/cli/report.ts";

describe("the client of the control socket", () => {
  let folder: string;
  const servers: Server[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pandav-client-"));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    rmSync(folder, { recursive: true, force: true });
  });

  async function serve(name: string, listener: RequestListener): Promise<string> {
    const path = join(folder, name);
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return path;
  }

  const answer =
    (reply: unknown, status = 200): RequestListener =>
    (_request, response) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(reply));

  /** A client whose reach finds these sockets one after the other. */
  function clientOf(paths: readonly string[], signal = new AbortController().signal) {
    const found: string[] = [];
    const closed: string[] = [];
    const client = new Client(async () => {
      const socketPath = paths[found.length] ?? "none";
      found.push(socketPath);
      return { socketPath, close: async () => void closed.push(socketPath) };
    }, signal);
    return { client, found, closed };
  }

  const get: Call = { method: "GET", path: "/x" };
  const post: Call = { method: "POST", path: "/x", body: { a: 1 } };

  it("hands on the data of the envelope (alist-api.md §2)", async () => {
    const path = await serve("a", answer({ code: 200, message: "success", data: 7 }));
    const { client } = clientOf([path]);
    expect(await client.call(get, z.int())).toBe(7);
  });

  it("says what the server refused with, and of which kind", async () => {
    const path = await serve(
      "a",
      answer({ code: 500, message: "no: object not found", data: null, kind: "not-found" }),
    );
    const { client } = clientOf([path]);
    await expect(client.call(get, z.unknown())).rejects.toMatchObject({
      message: "no: object not found",
      kind: "not-found",
    });
    await expect(client.read(get)).resolves.toBeDefined();
  });

  it("refuses what is no envelope with the status", async () => {
    const path = await serve("a", (_request, response) => response.writeHead(502).end("<html>"));
    const { client } = clientOf([path]);
    await expect(client.call(get, z.unknown())).rejects.toThrow(
      new Refused("the server answered 502 to /x", undefined),
    );
    await expect(client.read(get)).rejects.toThrow("the server answered 502 to /x");
  });

  it.each([get, post])("goes on with another server when the first has ended before the call (%j)", async (call) => {
    const second = await serve("b", answer({ code: 200, message: "success", data: 1 }));
    const gone = join(folder, "gone");
    const { client, found, closed } = clientOf([gone, second]);
    expect(await client.call(call, z.int())).toBe(1);
    expect({ found, closed }).toEqual({ found: [gone, second], closed: [gone] });
    await client.close();
    expect(closed).toEqual([gone, second]);
  });

  it("asks again where the first server died while it read, but never repeats what changes something", async () => {
    const dying = await serve("a", (request) => request.socket.destroy());
    const second = await serve("b", answer({ code: 200, message: "success", data: 1 }));
    expect(await clientOf([dying, second]).client.call(get, z.int())).toBe(1);
    const { client, found } = clientOf([dying, second]);
    await expect(client.call(post, z.int())).rejects.toThrow();
    expect(found).toEqual([dying]);
  });

  it("gives up when five servers have ended", async () => {
    const { client, found } = clientOf(["1", "2", "3", "4", "5", "6"].map((name) => join(folder, name)));
    await expect(client.call(get, z.unknown())).rejects.toThrow(/ENOENT/);
    expect(found).toHaveLength(5);
  });

  it("lets go of a call when the command is interrupted", async () => {
    const controller = new AbortController();
    const path = await serve("a", () => controller.abort(new Interrupted()));
    await expect(clientOf([path], controller.signal).client.call(get, z.unknown())).rejects.toThrow(Interrupted);
  });

  it("fails a body that breaks off rather than ending it short", async () => {
    const path = await serve("a", (_request, response) => {
      response.writeHead(200, { "content-length": 10 }).write("half");
      response.once("drain", () => response.destroy());
      setImmediate(() => response.destroy());
    });
    const body = await clientOf([path]).client.read(get);
    await expect(text(body)).rejects.toThrow();
  });
});
