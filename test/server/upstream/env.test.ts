import { execFile } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import type { Log } from "#drivers/contract/driver.ts";
import { createDriverEnv, type DriverEnvOptions, type OwnedDriverEnv } from "#server/upstream/env.ts";
import { createPacer } from "#server/upstream/pacer.ts";
import { routeOf } from "#server/upstream/routes.ts";
import { FakeClock } from "#test/server/layers/fake-clock.ts";
import { withServer } from "#test/server/layers/loopback.ts";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

type Answer = (request: Seen, response: ServerResponse) => void;

/** Runs `use` with an environment whose requests to `api.example.com` and `*.cdn.example` reach a loopback server. */
async function routed<T>(
  answer: Answer,
  use: (env: OwnedDriverEnv, seen: Seen[], lines: string[]) => Promise<T>,
  over: Partial<DriverEnvOptions> = {},
): Promise<T> {
  const seen: Seen[] = [];
  const lines: string[] = [];
  const write = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: write, info: write, warn: write };
  return withServer(
    async (request, response) => {
      const one = { method: request.method!, url: request.url!, headers: request.headers, body: await text(request) };
      seen.push(one);
      answer(one, response);
    },
    async (origin) => {
      const env = createDriverEnv({
        name: "/m",
        log,
        upstreams: { "api.example.com": origin, "*.cdn.example": origin },
        ...over,
      });
      try {
        return await use(env, seen, lines);
      } finally {
        await env.close();
      }
    },
  );
}

const json =
  (value: unknown): Answer =>
  (_request, response) =>
    void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
const url = "https://api.example.com/path";
const caught = (promise: PromiseLike<unknown>) =>
  promise.then(
    () => "answered",
    (error: unknown) => error,
  );

describe("env.api", () => {
  it("sends nothing when the caller aborts while it waits for its turn, and throws the caller's reason", async () => {
    const clock = new FakeClock();
    const pacer = createPacer({ clock, burst: 1 });
    await routed(
      json({}),
      async (env, seen) => {
        await env.api(url).json();
        const controller = new AbortController();
        const waiting = caught(env.api(url, { signal: controller.signal }).json());
        await expect.poll(() => clock.sleeping).toBe(1);
        const reason = new Error("left");
        controller.abort(reason);
        expect(await waiting).toBe(reason);
        await clock.advance(60_000);
        expect(seen).toHaveLength(1);
        const already = env.api(url, { signal: AbortSignal.abort(reason) });
        expect(await caught(already)).toBe(reason);
        expect(seen).toHaveLength(1);
      },
      { pacer },
    );
  });

  it("ends a running request with the caller's reason, and its connection", async () => {
    let closed = false;
    await routed(
      (_request, response) =>
        response.once("close", () => {
          closed = true;
        }),
      async (env, seen) => {
        const controller = new AbortController();
        const running = caught(env.api(url, { signal: controller.signal }).json());
        await expect.poll(() => seen.length).toBe(1);
        const reason = new Error("left");
        controller.abort(reason);
        expect(await running).toBe(reason);
        await expect.poll(() => closed).toBe(true);
      },
    );
  });

  it("is paced: the account's calls go at its rate, by priority", async () => {
    const clock = new FakeClock();
    const pacer = createPacer({ clock, burst: 2 });
    await routed(
      json({}),
      async (env, seen) => {
        const get = (n: number, priority: string) => env.api(`${url}/${n}`, { context: { priority } }).json();
        const calls = [get(0, "background"), get(1, "background"), get(2, "background"), get(3, "interactive")];
        await expect.poll(() => seen.length).toBe(2);
        await expect.poll(() => clock.sleeping).toBe(1);
        await clock.advance(500);
        await expect.poll(() => seen.length).toBe(3);
        await clock.advance(500);
        await Promise.all(calls);
        expect(seen.map((one) => one.url)).toEqual(["/path/0", "/path/1", "/path/3", "/path/2"]);
      },
      { pacer },
    );
  });

  it("keeps a form post's body, cookie and Host when it is rerouted (got drops them when a hook changes the origin)", async () => {
    await routed(json({ ok: true }), async (env, seen) => {
      const reply = await env.api.post(url, { form: { a: "1", b: "中" }, headers: { cookie: "c=1" } }).json();
      expect(reply).toEqual({ ok: true });
      expect(seen[0]).toMatchObject({ method: "POST", url: "/path", body: "a=1&b=%E4%B8%AD" });
      expect(seen[0]?.headers).toMatchObject({
        host: "api.example.com",
        cookie: "c=1",
        "content-type": "application/x-www-form-urlencoded",
      });
    });
  });

  it("returns a redirect as it is, and follows one when asked, paced and rerouted again", async () => {
    let requests = 0;
    const answer: Answer = (request, response) =>
      request.url === "/path"
        ? response.writeHead(302, { location: "https://x.cdn.example/b" }).end()
        : response.end("b");
    await routed(
      answer,
      async (env, seen) => {
        const reply = await env.api(url);
        expect([reply.statusCode, reply.headers.location]).toEqual([302, "https://x.cdn.example/b"]);
        expect(await env.api(url, { followRedirect: true }).text()).toBe("b");
        expect(seen.map(({ headers }) => headers.host)).toEqual([
          "api.example.com",
          "api.example.com",
          "x.cdn.example",
        ]);
        expect(requests).toBe(3);
      },
      { onRequest: () => requests++ },
    );
  });

  it("makes no retries of its own", async () => {
    await routed(
      (_request, response) => response.writeHead(503, { "retry-after": "7" }).end(),
      async (env, seen) => {
        const error = await caught(env.api(url).json());
        expect(error).toMatchObject({
          kind: "unavailable",
          retryable: true,
          retryAfterMs: 7000,
          upstream: { status: 503 },
        });
        expect(seen).toHaveLength(1);
      },
    );
  });

  it("takes a web page where JSON was due for a block, and stops the account's requests (architecture.md §3)", async () => {
    const page: Answer = (_request, response) =>
      response.writeHead(405, { "content-type": "text/html; charset=utf-8" }).end("<html>blocked</html>");
    for (const options of [{}, { throwHttpErrors: false }]) {
      const pacer = createPacer({ clock: new FakeClock() });
      await routed(
        page,
        async (env, seen) => {
          expect(await caught(env.api(url, options).json())).toMatchObject({ kind: "blocked" });
          expect(await caught(env.api(url, options).json())).toMatchObject({ kind: "blocked" });
          expect([seen.length, pacer.blockedUntil !== undefined]).toEqual([1, true]);
        },
        { pacer },
      );
    }
  });

  it("slows down after a 429 and says when to come back", async () => {
    const clock = new FakeClock();
    const pacer = createPacer({ clock });
    await routed(
      (_request, response) => response.writeHead(429, { "retry-after": "90" }).end(),
      async (env, seen) => {
        expect(await caught(env.api(url).json())).toMatchObject({ kind: "rate-limited", retryAfterMs: 90_000 });
        expect(await caught(env.api(url).json())).toMatchObject({ kind: "rate-limited", retryAfterMs: 90_000 });
        expect(seen).toHaveLength(1);
      },
      { pacer },
    );
  });

  it("keeps the digits of a reply that is broken JSON out of the error, and calls it `upstream`", async () => {
    await routed(
      (_request, response) => response.writeHead(200, { "content-type": "application/json" }).end("{nope"),
      async (env) => {
        for (const reply of [env.api(url, { responseType: "json" }), env.api(url).json()]) {
          const error = await caught(reply);
          expect(error).toMatchObject({ kind: "upstream" });
          expect((error as Error).message).not.toContain("nope");
        }
      },
    );
  });

  it("says `unavailable` when nobody listens, without the address", async () => {
    const env = createDriverEnv({
      name: "/m",
      log: { debug() {}, info() {}, warn() {} },
      upstreams: { "api.example.com": "http://127.0.0.1:1" },
    });
    const error = await caught(env.api(`${url}?token=canary`).json());
    expect(error).toMatchObject({ kind: "unavailable", retryable: true });
    expect((error as Error).message).not.toContain("canary");
  });

  it("traces host, path and status, and no secret of query, header or body", async () => {
    await routed(json({ secret: "canary-reply" }), async (env, _seen, lines) => {
      const options = { headers: { cookie: "canary-cookie" }, form: { password: "canary-form" } };
      await env.api.post(`${url}?token=canary-query`, options).json();
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain('"place":"api.example.com/path"');
      expect(lines[0]).toContain('"status":200');
      expect(lines[0]).toContain('"mount":"/m"');
      expect(lines[0]).not.toContain("canary");
    });
  });

  it("ends a reply that is too long to be one", async () => {
    await routed(
      (_request, response) => {
        const chunk = Buffer.alloc(2 ** 20);
        const more = () => {
          while (!response.destroyed && response.write(chunk));
        };
        response.on("drain", more);
        more();
      },
      async (env) => {
        expect(await caught(env.api(url).buffer())).toMatchObject({ kind: "upstream" });
      },
    );
  });
});

describe("env.bytes", () => {
  it("reroutes with the real Host, counts, and keeps headers of every form", async () => {
    let requests = 0;
    await routed(
      (_request, response) => response.end("bytes"),
      async (env, seen) => {
        for (const headers of [{ "x-a": "1" }, ["x-a", "1"], new Map([["x-a", "1"]])]) {
          const answer = await env.bytes.request({
            origin: "https://d1.cdn.example",
            path: "/f?s=1",
            method: "GET",
            headers,
          });
          expect(String(await buffer(answer.body))).toBe("bytes");
        }
        expect(seen.map(({ url: path, headers }) => [path, headers.host, headers["x-a"]])).toEqual(
          Array(3).fill(["/f?s=1", "d1.cdn.example", "1"]),
        );
        expect(requests).toBe(3);
      },
      { onRequest: () => requests++ },
    );
  });

  it("ends with the signal's reason", async () => {
    await routed(
      () => {},
      async (env, seen) => {
        const controller = new AbortController();
        const { signal } = controller;
        const running = caught(
          env.bytes.request({ origin: "https://a.cdn.example", path: "/", method: "GET", signal }),
        );
        await expect.poll(() => seen.length).toBe(1);
        const reason = new Error("left");
        controller.abort(reason);
        expect(await running).toBe(reason);
      },
    );
  });
});

describe("env.webSocket", () => {
  it("reroutes with the real Host and the headers", async () => {
    await withServer(
      () => {},
      async (origin, server) => {
        const sockets = new WebSocketServer({ server });
        const requests: IncomingMessage[] = [];
        sockets.on("connection", (socket, request) => {
          requests.push(request);
          socket.on("message", (data) => socket.send(`echo ${data}`));
        });
        const log: Log = { debug() {}, info() {}, warn() {} };
        const env = createDriverEnv({ name: "/m", log, upstreams: { "*.example.com": origin } });
        const socket = env.webSocket("wss://qr.example.com/ping/x?key=1", { headers: { cookie: "c=1" } });
        const reply = await new Promise<string>((resolve, reject) => {
          socket.once("error", reject);
          socket.once("open", () => socket.send("hi"));
          socket.once("message", (data) => resolve(String(data)));
        });
        socket.terminate();
        sockets.close();
        expect(reply).toBe("echo hi");
        expect([requests[0]?.url, requests[0]?.headers.host, requests[0]?.headers.cookie]).toEqual([
          "/ping/x?key=1",
          "qr.example.com",
          "c=1",
        ]);
      },
    );
  });
});

describe("the proxy of an account", () => {
  it("is used by got and undici alike for what is not rerouted", async () => {
    const through: string[] = [];
    await withServer(
      (_request, response) => void response.end("real"),
      async (origin) => {
        const target = new URL(origin);
        await withServer(
          (request, response) => {
            through.push(`${request.method} ${request.url}`);
            response.end("by proxy");
          },
          async (proxy, server) => {
            server.on("connect", (request, socket) => {
              through.push(`CONNECT ${request.url}`);
              const out = connect(Number(target.port), target.hostname, () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
              out.pipe(socket).pipe(out);
              socket.on("error", () => out.destroy());
              out.on("error", () => socket.destroy());
            });
            const env = createDriverEnv({ name: "/m", log: { debug() {}, info() {}, warn() {} }, proxy });
            try {
              expect(await env.api("http://real.invalid/a").text()).toBe("by proxy");
              const answer = await env.bytes.request({ origin: "http://real.invalid", path: "/b", method: "GET" });
              expect(await answer.body.text()).toMatch(/real|by proxy/);
            } finally {
              await env.close();
            }
          },
        );
      },
    );
    expect(through[0]).toContain("real.invalid/a");
    expect(through[1]).toContain("real.invalid");
  });
});

describe("routes", () => {
  it("prefers an exact host to a pattern and a longer pattern to a shorter; a pattern is not for the bare domain", () => {
    const upstreams = {
      "*.cdn.net": "http://wide",
      "*.eu.cdn.net": "http://narrow",
      "a.cdn.net": "http://exact",
      "b.cdn.net:8443": "http://port",
    };
    const host = (name: string) => routeOf(name, upstreams)?.host;
    expect(["a.cdn.net", "x.eu.cdn.net", "y.cdn.net", "cdn.net", "evilcdn.net", "b.cdn.net:8443"].map(host)).toEqual([
      "exact",
      "narrow",
      "wide",
      undefined,
      undefined,
      "port",
    ]);
  });
});

describe("loading", () => {
  it("loads no network package before a driver touches it, so that a local mount stays small", async () => {
    const script = `
      const { createDriverEnv } = await import("#server/upstream/env.ts");
      const { createRequire } = await import("node:module");
      const loaded = () => Object.keys(createRequire(process.cwd() + "/package.json").cache ?? {})
        .map((path) => /node_modules\\/(undici|ws|tough-cookie|got)\\//.exec(path)?.[1]).filter(Boolean);
      const log = { debug() {}, info() {}, warn() {} };
      const env = createDriverEnv({ name: "/m", log });
      const before = loaded();
      const kinds = [typeof env.api, typeof env.bytes.request, typeof env.cookieJar().setCookie, env.random(3).length];
      const socket = env.webSocket("ws://127.0.0.1:1"); socket.on("error", () => {});
      console.log(JSON.stringify({ before, kinds, after: [...new Set(loaded())].sort() }));
      await env.close();`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    expect(JSON.parse(stdout)).toEqual({
      before: [],
      kinds: ["function", "function", "function", 3],
      after: expect.arrayContaining(["undici", "ws"]),
    });
    expect(stderr).toBe("");
  });
});
