/** Connections that are read in large pieces. */
import type { Socket } from "node:net";
import type { buildConnector } from "undici";
import { loadUndici } from "./load.ts";

/** Bytes that one read may take. Node's own 64 KiB make four times as many turns through all that handles a body. */
const READ_BYTES = 256 * 1024;

/** Connects as undici does. TLS has pieces of its own, of 16 KiB at most, and is left alone. `timeoutMs`: longest wait for a connection. */
export function largeReads(timeoutMs: number): buildConnector.connector {
  const { buildConnector } = loadUndici();
  const secure = buildConnector({ timeout: timeoutMs });
  return (target, done) => {
    if (target.protocol === "https:") return secure(target, done);
    const reads = new Reads();
    const connect = buildConnector({
      timeout: timeoutMs,
      ...{ highWaterMark: 2 * READ_BYTES, onread: reads },
    } as buildConnector.BuildOptions);
    connect(target, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      // HTTP: nothing is read before somebody has asked, and nobody can before this.
      reads.socket = socket ?? undefined;
      if (error) done(error, null);
      else done(null, socket as Socket);
    });
  };
}

/** What `net.Socket` asks as its option `onread`: where to read to, and what to do with it. */
class Reads {
  socket: Socket | undefined;
  /** Nobody else has seen it. */
  #own: Buffer | undefined;

  readonly buffer = (): Buffer => {
    this.#own ??= Buffer.allocUnsafeSlow(READ_BYTES);
    return this.#own;
  };

  /** False where the socket has enough for now. */
  readonly callback = (count: number, buffer: Uint8Array): boolean => {
    const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, count);
    // Little of a large buffer would keep all of it in memory: it is copied, and the buffer stays ours.
    const isLittle = count < READ_BYTES / 4;
    if (!isLittle) this.#own = undefined;
    return this.socket?.push(isLittle ? Buffer.from(bytes) : bytes) ?? false;
  };
}
