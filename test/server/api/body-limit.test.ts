/** Bodies with and without a length, over a real connection (RFC 9112 §6.3). */
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { getRequestListener } from "@hono/node-server";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createBox } from "#test/support/box.ts";
import { forever } from "#test/support/vfs.ts";
import { type Api, openApi } from "./world.ts";

let api: Api;
let port: number;
const server = createServer((incoming, outgoing) =>
  // As the server's fronts do: the platform's own Request stays as it is.
  getRequestListener((one, env) => api.app.fetch(one, { incoming: env.incoming, owner: true } as never), {
    overrideGlobalObjects: false,
  })(incoming, outgoing),
);
beforeAll(async () => {
  api = await openApi({ accountKinds: [createBox().kind] });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await api.close();
});

/** The envelope's code. Several chunks make a body without a length. */
async function send(method: string, path: string, chunks: readonly string[] = []): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = { "content-type": "application/json" };
  const sent = request({ port, method, path, headers }, (reply) => text(reply).then(resolve, reject));
  sent.on("error", reject);
  if (chunks.length === 1) sent.setHeader("content-length", Buffer.byteLength(chunks[0] ?? ""));
  for (const chunk of chunks) sent.write(chunk);
  sent.end();
  return (JSON.parse(await promise) as { code: number }).code;
}

it("takes a DELETE without a body and without a length", async () => {
  const { id } = await api.deps.accounts.add("box", { user: "ann", token: "t" }, forever);
  expect(await send("DELETE", `/api/pandav/accounts/${id}`)).toBe(200);
});

it("takes a body whose length is not told", async () => {
  expect(await send("POST", "/api/fs/list", ['{"path":', '"/local"}'])).toBe(200);
});

it.each([
  ["told", 1],
  ["not told", 3],
])("refuses a body of more than 1 MiB whose length is %s, with code 413", async (_how, parts) => {
  const chunk = `${" ".repeat(1024 * 1024)}{}`;
  expect(await send("POST", "/api/fs/list", Array(parts).fill(chunk))).toBe(413);
});
