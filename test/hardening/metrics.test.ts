/** `/metrics` in Prometheus' text format. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { counter, gauge, histogram } from "#server/metrics/registry.ts";
import { createDriverEnv } from "#server/upstream/env.ts";
import { silentLog } from "#test/support/vfs.ts";
import { BASIC, openHardened, TOKEN } from "./world.ts";

const bearer = { Authorization: `Bearer ${TOKEN}` };

describe("a scrape", () => {
  it("is for administrators and their tokens alone", async () => {
    const server = await openHardened();
    const { tokens, users, sessions } = server.deps.auth;
    const admin = (await users.find("admin"))!;
    const read = await tokens.create(admin, { name: "r", scope: "read", path: "/" });
    const whole = await tokens.create(admin, { name: "a", scope: "admin", path: "/" });
    const other = await users.create({ name: "mei", basePath: "/", permission: 0xffff, disabled: false }, "a password");
    const statusOf = async (token: string) =>
      (await server.ask("GET", "/metrics", { Authorization: `Bearer ${token}` })).status;
    expect(await statusOf(whole.token)).toBe(200);
    expect(await statusOf(await sessions.start(admin, ""))).toBe(200);
    expect(await statusOf(read.token)).toBe(403);
    expect(await statusOf(await sessions.start(other, ""))).toBe(403);
    expect(await statusOf("nonsense")).toBe(401);
    expect((await server.ask("GET", "/metrics")).status).toBe(401);
    expect((await server.ask("POST", "/metrics", bearer, "x")).status).toBe(405);
  });

  it("counts requests by method and status, calls by mount and outcome, connections, spool and memory", async () => {
    const server = await openHardened();
    const dav = { Authorization: BASIC };
    await server.ask("PROPFIND", "/dav/m/", { ...dav, Depth: "1" });
    await server.ask("GET", "/dav/m/a.txt", dav);
    await server.ask("GET", "/dav/m/none", dav);
    await server.ask("BREW", "/dav/m/a.txt", dav);
    const reply = await server.ask("GET", "/metrics", bearer);
    expect(reply.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(reply.text).toContain('pandav_http_requests_total{method="PROPFIND",status="207"} 1\n');
    expect(reply.text).toContain('pandav_http_requests_total{method="GET",status="404"} 1\n');
    expect(reply.text).toMatch(/pandav_http_request_duration_seconds_bucket\{method="GET",le="\+Inf"\} 2\n/);
    expect(reply.text).toMatch(
      /pandav_driver_calls_total\{mount="\d+",driver="memory",operation="list",outcome="ok"\} \d/,
    );
    expect(reply.text).toMatch(/pandav_mount_up\{mount="\d+",driver="memory"\} 1\n/);
    expect(reply.text).toMatch(/\npandav_open_connections 1\n/);
    expect(reply.text).toMatch(/\npandav_spool_bytes 0\n/);
    expect(reply.text).toMatch(/\nprocess_resident_memory_bytes \d{7,}\n/);
    for (const line of reply.text.trimEnd().split("\n")) {
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"\\]*",?)*\})? [\d.e+-]+)$/);
    }
  });

  it("has no path and no name of a user or file in it", async () => {
    const server = await openHardened();
    await server.ask("GET", "/dav/m/a.txt", { Authorization: BASIC });
    const { text } = await server.ask("GET", "/metrics", bearer);
    expect(text).not.toMatch(/a\.txt|admin|"\/|\/m\b/);
  });

  it("counts requests to services by mount and class of status, those without an answer too", async () => {
    const service = createServer((request, response) =>
      response.writeHead(request.url === "/bad" ? 503 : 200).end("x"),
    );
    await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
    const port = (service.address() as AddressInfo).port;
    const server = await openHardened();
    const env = createDriverEnv({ name: "/m", log: silentLog, onReply: server.metrics.upstream });
    onTestFinished(async () => {
      await env.close();
      service.closeAllConnections();
      service.close();
    });
    await env.api.get(`http://127.0.0.1:${port}/`);
    await env.api.get(`http://127.0.0.1:${port}/bad`).catch(() => {});
    const streamed = await env.bytes.request({ origin: `http://127.0.0.1:${port}`, path: "/", method: "GET" });
    await streamed.body.dump();
    await env.api.get("http://127.0.0.1:1/").catch(() => {});
    await env.bytes.request({ origin: "http://127.0.0.1:1", path: "/", method: "GET" }).catch(() => {});
    const text = await server.metrics.text();
    const lines = text.split("\n").filter((line) => line.startsWith("pandav_upstream_requests_total{"));
    expect(lines.map((line) => line.replace(/mount="\d+",driver="memory",/, "")).sort()).toEqual([
      'pandav_upstream_requests_total{outcome="2xx"} 2',
      'pandav_upstream_requests_total{outcome="5xx"} 1',
      'pandav_upstream_requests_total{outcome="no-answer"} 2',
    ]);
  });
});

describe("the text format", () => {
  it("sums buckets upwards, and escapes what labels hold", () => {
    const times = histogram("t", "Times.", [1, 2]);
    for (const value of [0.5, 1, 1.5, 9]) times.observe({}, value);
    expect(times.text()).toBe(
      '# HELP t Times.\n# TYPE t histogram\nt_bucket{le="1"} 2\nt_bucket{le="2"} 3\nt_bucket{le="+Inf"} 4\nt_sum 12\nt_count 4\n',
    );
    expect(gauge("g", "G.", () => [{ labels: { a: 'b"\\\n' }, value: 1 }]).text()).toContain('g{a="b\\"\\\\\\n"} 1\n');
  });

  it("has room for so many series and no more: the rest is one", () => {
    const many = counter("c", "C.");
    for (let i = 0; i < 5_000; i++) many.add({ label: String(i) });
    const lines = many
      .text()
      .split("\n")
      .filter((line) => line.startsWith("c{"));
    expect(lines).toHaveLength(2_001);
    expect(lines.at(-1)).toBe('c{label="other"} 3000');
  });
});
