/** A storage whose files are read through links alone, as a cloud's are: the driver `memory` behind a file server on the loopback. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import { openMemory } from "./memory-storage.ts";
import type { MountUnderTest } from "./mount-under-test.ts";
import { calm } from "./steps.ts";

/** The header that links carry, and without which the file server refuses. */
const KEY = { "x-link-key": "open sesame" };

/** An empty storage with links and without `read`. */
export async function openLinked(): Promise<MountUnderTest> {
  const opened = await openMemory()();
  const { read, ...rest } = opened.mount;
  let cutAfter = Number.POSITIVE_INFINITY;
  const server = createServer((request, response) => {
    serve(opened.mount, request, response, cutAfter).catch(() => response.destroy());
    cutAfter = Number.POSITIVE_INFINITY;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  const mount: Mount = {
    ...rest,
    async link(file, _client, o) {
      o.signal.throwIfAborted();
      // Fails as a read would where there is no such file.
      (await read!(file, undefined, calm())).destroy();
      return {
        url: `http://127.0.0.1:${port}/${file.id}`,
        headers: KEY,
        boundTo: [],
        acceptsRanges: true,
        reusable: true,
        ...(file.size !== undefined && { size: file.size }),
      };
    },
  };
  return {
    ...opened,
    mount,
    cutShort(bytes) {
      cutAfter = bytes;
    },
    async dispose() {
      await close(server);
      await opened.dispose();
    },
  };
}

async function serve(
  mount: Mount,
  request: IncomingMessage,
  response: ServerResponse,
  cutAfter: number,
): Promise<void> {
  if (request.headers["x-link-key"] !== KEY["x-link-key"]) return void response.writeHead(403).end();
  const id = (request.url ?? "").slice(1);
  const content = await contentOf(mount, id);
  if (!content) return void response.writeHead(404).end();
  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  const from = Number(asked?.[1] ?? 0);
  const last = Math.min(content.length - 1, asked?.[2] ? Number(asked[2]) : content.length - 1);
  if (asked && from >= content.length) {
    return void response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
  }
  const body = content.subarray(from, last + 1);
  response.writeHead(asked ? 206 : 200, {
    "content-length": body.length,
    "accept-ranges": "bytes",
    ...(asked && { "content-range": `bytes ${from}-${last}/${content.length}` }),
  });
  if (cutAfter >= body.length) response.end(body);
  else response.write(body.subarray(0, cutAfter), () => response.destroy());
}

async function contentOf(mount: Mount, id: string): Promise<Buffer | undefined> {
  try {
    return await buffer(await mount.read!({ id, name: "", kind: "file" }, undefined, calm()));
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
}
