/** Bytes on a connection of their own, and what comes back: for requests that no client library would send. */
import { connect } from "node:net";

/** What a server did with some bytes. */
export interface Exchange {
  /** Of the first reply that is no interim one; 0 where none came. */
  readonly status: number;
  /** All that came, up to `MOST_KEPT`. */
  readonly received: Buffer;
  /** `server`: it closed the connection. `quiet`: nothing came for a while, and we left. `cut`: we left at once, as was asked. */
  readonly endedBy: "server" | "quiet" | "cut";
}

const MOST_KEPT = 1 << 20;

export interface SendOptions {
  /** Milliseconds without a byte after which we leave. */
  readonly quietMs?: number;
  /** Leave as soon as the bytes are on their way. */
  readonly cut?: boolean;
}

/** Never rejects: a connection that breaks is one that the server ended. */
export function sendRaw(
  port: number,
  bytes: Buffer,
  { quietMs = 400, cut = false }: SendOptions = {},
): Promise<Exchange> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let endedBy: Exchange["endedBy"] = "server";
    const socket = connect(port, "127.0.0.1");
    const leave = (how: Exchange["endedBy"]) => {
      endedBy = how;
      socket.destroy();
    };
    socket.setTimeout(quietMs, () => leave("quiet"));
    socket.on("data", (chunk) => {
      if (size < MOST_KEPT) chunks.push(chunk);
      size += chunk.length;
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      const received = Buffer.concat(chunks);
      resolve({ status: statusOf(received), received, endedBy });
    });
    socket.once("connect", () => {
      socket.write(bytes, () => {
        if (cut) setImmediate(() => leave("cut"));
      });
    });
  });
}

function statusOf(received: Buffer): number {
  const text = received.toString("latin1");
  const last = [...text.matchAll(/(?:^|\r\n\r\n)HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  return last.find((status) => status >= 200) ?? 0;
}
