/** What requests bring, checked before anything else is done with it. */
import { z } from "@hono/zod-openapi";
import { ApiError } from "./envelope.ts";

/** The value by its schema. Throws ApiError 400. */
export function parsed<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ApiError(400, z.prettifyError(result.error).replaceAll("\n", " "));
}

/** What JSON text means. Throws ApiError 400. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, "the request body is not JSON");
  }
}

/** The value without fields that are null: to AList's servers they are absent, and Python's clients send them (alist-api.md §2). */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutNulls(field)]));
}
