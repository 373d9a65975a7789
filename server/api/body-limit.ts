/** Bodies of API requests have a bound, whether they say their length or not. */
import type { MiddlewareHandler } from "hono";
import { ApiError } from "./envelope.ts";

/** Refuses bodies of more than `maxBytes` with code 413: by their Content-Length where they have one, else while they are read. */
export function limitBody(maxBytes: number): MiddlewareHandler {
  const tooLong = () => new ApiError(413, `the request body is longer than ${maxBytes} bytes`);
  return async (c, next) => {
    const length = c.req.header("Content-Length");
    if (Number(length ?? 0) > maxBytes) throw tooLong();
    const { url, method, headers, signal, body } = c.req.raw;
    if (length === undefined && body) {
      const bounded = body.pipeThrough(bound(maxBytes, tooLong));
      // Made of its parts: the platform's Request takes no Request of the HTTP server's own kind.
      c.req.raw = new Request(url, { method, headers, signal, body: bounded, duplex: "half" });
    }
    return next();
  };
}

function bound(maxBytes: number, tooLong: () => Error): TransformStream<Uint8Array, Uint8Array> {
  let seen = 0;
  return new TransformStream({
    transform(chunk, controller) {
      seen += chunk.byteLength;
      if (seen > maxBytes) controller.error(tooLong());
      else controller.enqueue(chunk);
    },
  });
}
