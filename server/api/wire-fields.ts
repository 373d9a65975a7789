/** Fields of requests: JSON has numbers and flags, queries and forms have only text (alist-api.md §2). */
import { z } from "@hono/zod-openapi";

/** An integer, also as decimal text; absent stays absent. */
export function wireInt() {
  return z
    .preprocess(
      (value) => (typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value),
      z.int().optional(),
    )
    .openapi({ type: "integer" });
}

/** A flag, also as `true`, `false`, `1` or `0`; absent is false. */
export function wireBool() {
  return z.preprocess(toBoolean, z.boolean().default(false)).openapi({ type: "boolean" });
}

/** Text; absent is empty. */
export function wireText() {
  return z.string().default("");
}

function toBoolean(value: unknown): unknown {
  if (value === "true" || value === "1") return true;
  return value === "false" || value === "0" || value === "" ? false : value;
}
