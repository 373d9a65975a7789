/** SJTU Pan whose store clients reach themselves: by its own name, through a proxy that stands in for the way there. What a redirect leads to. */
import { once } from "node:events";
import http from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { pipeline } from "node:stream";
import tls from "node:tls";
import { type PanServer, startPanServer } from "./pan-server.ts";
import type { ServerOptions } from "./server.ts";
import { FIRST_PAIR } from "./tls-pairs.ts";

export interface RedirectingPan extends AsyncDisposable {
  readonly world: PanServer;
  /** Address over WebDAV of the drive mounted with the policy `redirect`, without a trailing slash. */
  readonly dav: string;
  /** What a client's environment must hold to reach the store. The certificate there is signed by itself: it must be told not to check it. */
  readonly env: Readonly<Record<string, string>>;
  /** Bytes that the store has sent to clients, and not to the server. */
  sent(): number;
}

export async function startRedirectingPan(server: ServerOptions = {}): Promise<RedirectingPan> {
  const world = await startPanServer({ server });
  const target = Number(new URL(world.pan.origins.store).port);
  let bytes = 0;
  const store = tls.createServer({ cert: FIRST_PAIR.cert, key: FIRST_PAIR.key }, (client) => {
    const behind = connect(target, "127.0.0.1");
    behind.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    // Clients that have seen enough hang up.
    pipeline(client, behind, client, () => undefined);
  });
  store.on("tlsClientError", () => undefined);
  const proxy = http.createServer((_request, response) => void response.writeHead(405).end());
  proxy.on("connect", (request: http.IncomingMessage, socket: Socket) => {
    socket.on("error", () => undefined);
    if (request.url !== `${world.pan.world.storeHost}:443`) {
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    socket.write("HTTP/1.1 200 Connected\r\n\r\n");
    store.emit("connection", socket);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const way = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  await mountAgain(world, "/redirected");
  return {
    world,
    dav: `${world.server.url}/dav/redirected`,
    env: { http_proxy: way, https_proxy: way, no_proxy: "127.0.0.1" },
    sent: () => bytes,
    async [Symbol.asyncDispose]() {
      try {
        await world[Symbol.asyncDispose]();
      } finally {
        proxy.close();
        proxy.closeAllConnections();
      }
    },
  };
}

interface Storage {
  readonly driver: string;
  readonly settings: object;
  readonly account?: { readonly id: number };
}

/** The drive once more, to be redirected to. */
async function mountAgain({ server }: PanServer, mountPath: string): Promise<void> {
  const login = { username: server.user, password: server.password };
  const { token } = await call<{ token: string }>(`${server.url}/api/auth/login`, "", login);
  const storages = await call<readonly Storage[]>(`${server.url}/api/pandav/storages`, token);
  const { driver, settings, account } = storages.find((storage) => storage.driver === "sjtu-pan")!;
  const again = { mountPath, driver, settings, delivery: "redirect", account: account?.id };
  await call(`${server.url}/api/pandav/storages`, token, again);
}

async function call<T>(url: string, token: string, body?: object): Promise<T> {
  const init = { headers: { authorization: token, "content-type": "application/json" } };
  const response = await fetch(url, body ? { ...init, method: "POST", body: JSON.stringify(body) } : init);
  const { code, message, data } = (await response.json()) as { code: number; message: string; data: T };
  if (code !== 200) throw new Error(`${url}: ${code} ${message}`);
  return data;
}
