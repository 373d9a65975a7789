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
