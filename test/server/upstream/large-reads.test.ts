import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createBytes } from "#server/upstream/bytes.ts";

/** Byte number i is i mod 251: what lands at a wrong place, or is written over, shows. */
const PATTERN = Buffer.from(Uint8Array.from({ length: 251 * 4096 }, (_, i) => i % 251));

/** The chunks of a body that a bare server sends piece by piece, the next when the one before has been read; all of them are kept until the end. */
async function chunksOf(pieces: readonly Buffer[]): Promise<readonly Buffer[]> {
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  let client: Socket | undefined;
  const server = createServer((socket) => {
    client = socket.setNoDelay(true);
    socket.on("error", () => {}).once("data", () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const bytes = createBytes({ upstreams: {}, onRequest: () => {} });
  try {
    const signal = AbortSignal.timeout(5000);
    const { body } = await bytes.request({ origin: `http://127.0.0.1:${port}`, path: "/", method: "GET", signal });
    const chunks: Buffer[] = [];
    let received = 0;
    body.on("data", (chunk: Buffer) => {
      received += chunk.length;
      chunks.push(chunk);
    });
    let sent = 0;
    for (const piece of pieces) {
      client!.write(piece);
      sent += piece.length;
      while (received < sent) {
        signal.throwIfAborted();
        await turn();
      }
    }
    return chunks;
  } finally {
    await bytes.destroy();
    server.close();
  }
}

describe("DriverEnv.bytes over plain HTTP", () => {
  it("takes more than Node's 64 KiB at a time where more has come", async () => {
    const chunks = await chunksOf([PATTERN, PATTERN, PATTERN, PATTERN]);
    expect(Buffer.concat(chunks).equals(Buffer.concat([PATTERN, PATTERN, PATTERN, PATTERN]))).toBe(true);
    expect(Math.max(...chunks.map(({ length }) => length))).toBeGreaterThan(64 * 1024);
  });

  it("hands out memory that nothing is written to any more, and none that is much larger than its bytes", async () => {
    const lengths = [1, 700, 40_000, 3, 64 * 1024 - 1, 64 * 1024, 100_000, 5, 300_000, 2];
    let at = 0;
    const pieces = lengths.map((length) => {
      const piece = PATTERN.subarray(at, at + length);
      at += length;
      return piece;
    });
    const chunks = await chunksOf(pieces);
    expect(Buffer.concat(chunks).equals(PATTERN.subarray(0, at))).toBe(true);
    for (const { buffer, length } of chunks)
      expect(buffer.byteLength).toBeLessThanOrEqual(Math.max(Buffer.poolSize, 4 * length));
  });
});
