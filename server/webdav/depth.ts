/** The `Depth` header (RFC 4918 §10.2). */
import type { IncomingMessage } from "node:http";
import { HttpError } from "#server/http/errors.ts";

export type Depth = "0" | "1" | "infinity";

/** The header's value, undefined when it is absent. Throws HttpError 400 for any other value. */
export function depthOf(request: IncomingMessage): Depth | undefined {
  const header = request.headers.depth;
  if (header === undefined) return undefined;
  const value = String(header).trim().toLowerCase();
  if (value === "0" || value === "1" || value === "infinity") return value;
  throw new HttpError(400, "Depth is 0, 1 or infinity");
}

/** True for infinity and for none: what DELETE, COPY and MOVE mean by themselves. */
export function isInfinity(request: IncomingMessage): boolean {
  const depth = depthOf(request);
  return depth === undefined || depth === "infinity";
}
