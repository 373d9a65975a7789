import { type AddressInfo, connect, type Socket } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { openBody, readBody } from "#server/http/body.ts";
import { closeSignal } from "#server/http/send.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions, type Outcome } from "#server/http/server.ts";

interface Running {
  readonly http: HttpServer;
  readonly port: number;
  readonly errors: unknown[];
}

async function start(options: Partial<HttpServerOptions>): Promise<Running> {
  const errors: unknown[] = [];
  const http = createHttpServer({
    handlers: [],
    fallback: (_request, response) => response.end("fallback"),
    onError: (error) => void errors.push(error),
    ...options,
  });
  const { port } = (await http.listen({ port: 0, host: "127.0.0.1" })) as AddressInfo;
  onTestFinished(() => http.close(AbortSignal.abort()));
  return { http, port, errors };
}

/** A socket that remembers what it got, and when it was closed. */
function client(port: number): Socket & { text(): string } {
  let text = "";
  const socket = connect(port, "127.0.0.1");
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  return Object.assign(socket, { text: () => text });
}

const GET = (path = "/") => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const closed = (socket: Socket) => vi.waitFor(() => expect(socket.closed).toBe(true), 4000);

describe("the dispatcher", () => {
  it("asks raw handlers in order before the fallback", async () => {
    const raw = (path: string) => ({
      matches: (request: { url?: string | undefined }) => request.url?.startsWith(path) ?? false,
      handle: (_request: unknown, response: { end(text: string): unknown }) => response.end(`raw ${path};`),
    });
    const { port } = await start({ handlers: [raw("/d/x"), raw("/d")] as never });
    const socket = client(port);
    socket.write(GET("/d/x") + GET("/d/y") + GET("/api"));
    await vi.waitFor(() => expect(socket.text()).toMatch(/raw \/d\/x;.*raw \/d;.*fallback/s), 3000);
  });

  it("answers what a handler throws with a bare 500, or cuts a reply that had begun", async () => {
    let begin = false;
    const { port, errors } = await start({
      fallback: async (_request, response) => {
        if (begin) response.write("part");
        throw new Error("a bug");
      },
    });
    const first = client(port);
    first.write(GET());
    await closed(first);
    expect(first.text()).toContain("500 Internal Server Error");
    expect(first.text()).not.toContain("a bug");
    begin = true;
    const second = client(port);
    second.write(GET());
    await closed(second);
    expect(second.text()).not.toContain("\r\n0\r\n");
    expect(errors).toHaveLength(2);
  });

  it("wraps each request and tells how it ended", async () => {
    const outcomes: Outcome[] = [];
    const wrapped: string[] = [];
    const { port } = await start({
      onRequest: (request, _response, run) => {
        wrapped.push(request.url ?? "");
        run();
      },
      onResponse: (_request, _response, outcome) => void outcomes.push(outcome),
    });
    client(port).write(GET("/x"));
    await vi.waitFor(() => expect(outcomes).toHaveLength(1), 3000);
    expect(wrapped).toEqual(["/x"]);
    expect(outcomes[0]).toMatchObject({ status: 200, finished: true });
  });

  it("takes heads of up to 64 KiB, for escaped Chinese paths are long (webdav.md §5)", async () => {
    const { port } = await start({});
    const socket = client(port);
    socket.write(GET(`/${"a".repeat(60_000)}`));
    await vi.waitFor(() => expect(socket.text()).toContain("fallback"), 3000);
  });

  it("sends 100 Continue at once for the fallback, and leaves it to raw handlers (RFC 9110 §10.1.1)", async () => {
    const { port } = await start({
      handlers: [{ matches: (request) => request.url === "/raw", handle: (_request, response) => response.end("no") }],
    });
    const head = (path: string) =>
      `PUT ${path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n`;
    const fallback = client(port);
    fallback.write(head("/api"));
    await vi.waitFor(() => expect(fallback.text()).toContain("100 Continue"), 3000);
    const raw = client(port);
    raw.write(head("/raw"));
    await vi.waitFor(() => expect(raw.text()).toContain("200 OK"), 3000);
    expect(raw.text()).not.toContain("100 Continue");
  });
});

describe("the idle timeout", () => {
  it("ends a connection whose client sends no more of its body", async () => {
    const { port } = await start({
      idleTimeoutMs: 60,
      fallback: async (request, response) => {
        await readBody(request, response, 1000, closeSignal(response)).catch(() => {});
      },
    });
    const socket = client(port);
    socket.write("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    await closed(socket);
    expect(socket.text()).toBe("");
  });

  it("ends a connection whose client takes none of our bytes", async () => {
    const signals: AbortSignal[] = [];
    const { port } = await start({
      idleTimeoutMs: 60,
      fallback: (_request, response) => {
        signals.push(closeSignal(response));
        response.write(Buffer.alloc(64 << 20));
      },
    });
    const socket = client(port);
    socket.pause().write(GET());
    await vi.waitFor(() => expect(signals[0]?.aborted).toBe(true), 4000);
  });

  it("lets a client wait for a storage that takes its time, with the body sent or not yet asked for", async () => {
    const release = Promise.withResolvers<void>();
    const { port } = await start({
      idleTimeoutMs: 30,
      fallback: async (request, response) => {
        const body = openBody(request, response);
        if (request.url === "/read") for await (const _ of body);
        await release.promise;
        response.end("late");
      },
    });
    const sockets = ["/read", "/unread"].map((path) => {
      const socket = client(port);
      socket.write(`PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc`);
      return socket;
    });
    // Several timeouts pass.
    await new Promise((resolve) => setTimeout(resolve, 200));
    release.resolve();
    for (const socket of sockets) await vi.waitFor(() => expect(socket.text()).toContain("late"), 3000);
  });
});

describe("closing", () => {
  it("refuses new connections, ends idle ones and waits for running requests (RFC 9112 §9.6)", async () => {
    const release = Promise.withResolvers<void>();
    let running = false;
    const { http, port } = await start({
      fallback: async (request, response) => {
        if (request.url === "/slow") {
          running = true;
          await release.promise;
        }
        response.end("done");
      },
    });
    const idle = client(port);
    idle.write(GET());
    await vi.waitFor(() => expect(idle.text()).toContain("done"), 3000);
    const busy = client(port);
    busy.write(GET("/slow"));
    await vi.waitFor(() => expect(running).toBe(true), 3000);
    const end = http.close(AbortSignal.timeout(10_000));
    await closed(idle);
    const late = client(port);
    await closed(late);
    release.resolve();
    await end;
    await closed(busy);
    expect(busy.text()).toContain("done");
    expect(busy.text()).toMatch(/connection: close/i);
  });

  it("sends a reply to its end to a client that takes it slowly", async () => {
    let ended = false;
    const size = 16 << 20;
    const { http, port } = await start({
      fallback: (_request, response) => {
        response.writeHead(200, { "Content-Length": size });
        response.end(Buffer.alloc(size, "x"));
        ended = true;
      },
    });
    const socket = client(port);
    socket.pause().write(GET());
    await vi.waitFor(() => expect(ended).toBe(true), 3000);
    const end = http.close(AbortSignal.timeout(10_000));
    socket.resume();
    await end;
    await closed(socket);
    expect(socket.text().length).toBeGreaterThan(size);
  });

  it("cuts what is left at the deadline", async () => {
    let begun = false;
    const { http, port } = await start({
      fallback: (_request, response) => {
        begun = true;
        response.write("never ends");
      },
    });
    const socket = client(port);
    socket.write(GET());
    await vi.waitFor(() => expect(begun).toBe(true), 3000);
    await http.close(AbortSignal.timeout(50));
    await closed(socket);
  });
});

describe("readBody", () => {
  it("stops at its limit, with a length or in chunks, and the connection survives neither", async () => {
    const { port } = await start({
      fallback: async (request, response) => {
        try {
          response.end(`got ${(await readBody(request, response, 10, closeSignal(response))).length}`);
        } catch (error) {
          response.writeHead((error as { status: number }).status).end();
        }
      },
    });
    const ask = async (rest: string) => {
      const socket = client(port);
      socket.write(`PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${rest}`);
      await closed(socket);
      return socket.text();
    };
    expect(await ask("Content-Length: 10\r\n\r\n0123456789")).toContain("got 10");
    expect(await ask("Content-Length: 11\r\n\r\n01234567890")).toContain(" 413 ");
    expect(await ask("Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n")).toContain("got 10");
    expect(await ask("Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n6\r\n567890\r\n0\r\n\r\n")).toContain(" 413 ");
  });
});
