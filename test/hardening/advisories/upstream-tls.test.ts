/** Certificates of services are verified, whatever way a driver takes: GHSA-8jmm-3xwx-w974, GHSA-wf93-3ghh-h389. */
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { parseNetworks } from "#server/store/networks.ts";
import { createDriverEnv } from "#server/upstream/env.ts";
import { createUrlGuard } from "#server/upstream/url-guard.ts";
import { FIRST_PAIR } from "#test/support/tls-pairs.ts";
import { forever, silentLog } from "#test/support/vfs.ts";

/** A service whose certificate nobody vouches for, and what it was asked. */
async function impostor() {
  const asked: string[] = [];
  const server = createServer(FIRST_PAIR, (request, response) => {
    asked.push(request.url!);
    response.end("{}");
  });
  server.on("upgrade", (request, socket) => {
    asked.push(request.url!);
    socket.destroy();
  });
  server.on("tlsClientError", () => {}); // the refusal that is asked for
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

it("a service with a certificate that nobody vouches for is told nothing, by calls, bytes and sockets alike", async () => {
  const { port, asked } = await impostor();
  const env = createDriverEnv({ name: "/m", log: silentLog });
  onTestFinished(() => env.close());
  const origin = `https://127.0.0.1:${port}`;
  await expect(env.api(`${origin}/api?token=t`).json()).rejects.toThrow();
  await expect(env.bytes.request({ origin, path: "/bytes", method: "GET" })).rejects.toThrow(/self-signed/);
  const socket = env.webSocket(`wss://127.0.0.1:${port}/socket`);
  const [error] = (await once(socket, "error")) as [Error];
  expect(error.message).toMatch(/self-signed/);
  expect(asked).toEqual([]);
});

it("a URL of a user's is fetched from no such host either", async () => {
  const { port, asked } = await impostor();
  const guard = createUrlGuard({ allowed: () => parseNetworks("127.0.0.0/8") });
  onTestFinished(() => guard.close());
  await expect(guard.request(`https://127.0.0.1:${port}/file`, forever)).rejects.toThrow();
  expect(asked).toEqual([]);
});

it("nothing turns the verification off for the whole process", () => {
  expect(process.env.NODE_TLS_REJECT_UNAUTHORIZED).toBeUndefined();
});
