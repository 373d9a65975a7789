/** What a client gets to see of faults. */
import type { Call } from "./call.ts";
import { StoreError } from "./errors.ts";
import type { Fault } from "./faults.ts";
import { html, json, type SimReply, storeErrorReply } from "./wire.ts";

/** The answer that a fault puts in the place of the real one; undefined where it lets the request run. */
export function faultReply(call: Call, fault: Fault | undefined): SimReply | undefined {
  const { requestId } = call;
  switch (fault?.kind) {
    case "error": {
      const code = fault.code ?? (fault.status === 429 ? "TooManyRequests" : "InternalServerError");
      const after = fault.retryAfterSeconds;
      if (call.request.role === "store") {
        return storeErrorReply(
          new StoreError(fault.status, code, "A fault of the test."),
          call.request.rawPath,
          requestId,
        );
      }
      const body = { status: fault.status, code, message: "A fault of the test.", requestId };
      return json(fault.status, body, after === undefined ? {} : { "Retry-After": String(after) });
    }
    case "html":
      return html(fault.status ?? 502, "<h1>Bad gateway</h1>");
    case "error-in-200": {
      const { status = 403, code = "NoPermission" } = fault;
      return json(200, { status, code, message: "A fault of the test.", requestId });
    }
    case "store-expired":
      return storeErrorReply(
        new StoreError(403, "AccessDenied", "Request has expired"),
        call.request.rawPath,
        requestId,
      );
    case "slow-down":
      return storeErrorReply(new StoreError(503, "SlowDown", "Please slow down."), call.request.rawPath, requestId);
    default:
      return undefined;
  }
}

/** Takes so many bytes of a body that will never be used. */
export async function readSome(call: Call, bytes: number): Promise<void> {
  if (bytes === 0) return;
  try {
    for await (const piece of call.request.body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      call.received += piece.length;
      if (call.received >= bytes) return;
    }
  } catch {
    // The client went first: the connection ends either way.
  }
}
