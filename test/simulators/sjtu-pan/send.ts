/** Writes an outcome to its connection. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Outcome } from "./sjtu-pan.ts";
import type { Slice } from "./wire.ts";

/** Sends the answer, or cuts the connection, or leaves it silent. */
export async function send(outcome: Outcome, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (outcome.kind === "silence") {
    req.resume();
    return;
  }
  if (outcome.kind !== "reply") {
    // Nobody is there any more where the client went first.
    req.socket?.resetAndDestroy?.();
    req.socket?.destroy();
    return;
  }
  const { reply, breakAfter, entry } = outcome;
  if (res.destroyed) return;
  res.statusCode = reply.status;
  res.sendDate = false;
  for (const [name, value] of Object.entries(reply.headers)) res.setHeader(name, value as string);
  const isHead = req.method === "HEAD";
  if (typeof reply.body === "string") {
    if (!isHead && reply.status !== 204 && reply.status !== 304)
      res.setHeader("Content-Length", Buffer.byteLength(reply.body));
    entry.replyBytes = isHead ? 0 : Buffer.byteLength(reply.body);
    res.end(isHead ? undefined : reply.body);
  } else {
    await sendSlice(reply.body, breakAfter, res, (bytes) => {
      entry.replyBytes += bytes;
    });
  }
  // A body that nobody read would keep the connection from its next request.
  if (!req.readableEnded) req.resume();
}

async function sendSlice(
  { content, offset, length }: Slice,
  breakAfter: number | undefined,
  res: ServerResponse,
  sent: (bytes: number) => void,
): Promise<void> {
  const shown = Math.min(length, breakAfter ?? length);
  for (const piece of content.read(offset, shown)) {
    if (res.destroyed) return;
    sent(piece.length);
    if (!res.write(piece)) await drained(res);
  }
  if (breakAfter === undefined || res.destroyed) {
    res.end();
    return;
  }
  // What was written must leave before the connection is cut.
  res.write("", () => res.destroy());
}

/** Resolves when more can be written, or when nobody reads any more. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off("drain", done);
      res.off("close", done);
      resolve();
    };
    res.on("drain", done);
    res.on("close", done);
  });
}
