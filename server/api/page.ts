/** Lists that come in AList's pages (alist-api.md §2). */
import { z } from "@hono/zod-openapi";
import { wireInt } from "./wire-fields.ts";

/** `page` from 1; `per_page` absent or below 1: everything. */
export const pageInput = z.object({ page: wireInt(), per_page: wireInt() });

/** `{content, total}` of a kind of row. */
export function pageOf<R extends z.ZodType>(row: R) {
  return z.object({ content: z.array(row), total: z.int() });
}

/** The rows of one page, and how many there are in all. */
export function toPage<T>(rows: readonly T[], { page = 1, per_page = 0 }: z.output<typeof pageInput>) {
  const from = per_page > 0 ? (Math.max(1, page) - 1) * per_page : 0;
  return { content: per_page > 0 ? rows.slice(from, from + per_page) : [...rows], total: rows.length };
}
