/** A directory as `/fs/list` sends it, written page by page so that no long listing holds the event loop. */
import { setImmediate } from "node:timers/promises";
import type { Listing, Resource } from "../vfs/resource.ts";
import type { Dialect } from "./dialect.ts";
import type { Obj } from "./schemas.ts";

/** Which entries of a listing are asked for. */
export interface PageRequest {
  /** From 1. */
  readonly page: number;
  /** Entries a page; -1 for all. */
  readonly perPage: number;
}

/** AList's page sizes for front ends that send a Client-Id (alist-api.md §1). */
const DEFAULT_PER_PAGE = 200;
const MOST_PER_PAGE = 500;

/** Objects written at once: about 2 ms of work. */
const WRITE_AT_ONCE = 250;

/** What a request means by `page` and `per_page`, per dialect (alist-api.md §1). */
export function pageRequest(page: number | undefined, perPage: number | undefined, dialect: Dialect): PageRequest {
  const first = Math.max(1, page ?? 1);
  if (perPage === -1) return { page: 1, perPage: -1 };
  if (dialect === "roles") {
    const size = perPage === undefined || perPage <= 0 ? DEFAULT_PER_PAGE : Math.min(perPage, MOST_PER_PAGE);
    return { page: first, perPage: size };
  }
  return perPage === undefined || perPage <= 0 ? { page: 1, perPage: -1 } : { page: first, perPage };
}

/** One page of a listing: the JSON array of its objects, and what is said beside it. */
export interface WrittenPage {
  /** In pieces, to be joined as they are. */
  readonly content: readonly Buffer[];
  readonly total: number;
  readonly page: number;
  readonly per_page: number;
  readonly has_more: boolean;
  readonly pages_total: number;
}

/** Writes the page asked for. Throws what the listing throws: there is no half of one. */
export async function writePage(
  listing: Listing,
  { page, perPage }: PageRequest,
  toRow: (r: Resource) => Obj,
): Promise<WrittenPage> {
  const from = perPage === -1 ? 0 : (page - 1) * perPage;
  const to = perPage === -1 ? Number.POSITIVE_INFINITY : from + perPage;
  const parts: string[] = [];
  const written: Buffer[] = [];
  let total = 0;
  for await (const entries of listing.entries ? [listing.entries] : listing.pages()) {
    const wanted = entries.slice(Math.max(0, from - total), Math.max(0, to - total));
    total += entries.length;
    for (let at = 0; at < wanted.length; at += WRITE_AT_ONCE) {
      for (const entry of wanted.slice(at, at + WRITE_AT_ONCE)) parts.push(JSON.stringify(toRow(entry)));
      if (parts.length < WRITE_AT_ONCE) continue;
      written.push(Buffer.from(`${written.length > 0 ? "," : ""}${parts.splice(0).join(",")}`));
      await setImmediate();
    }
  }
  if (parts.length > 0) written.push(Buffer.from(`${written.length > 0 ? "," : ""}${parts.join(",")}`));
  return {
    content: [Buffer.from("["), ...written, Buffer.from("]")],
    total,
    page,
    per_page: perPage,
    has_more: to < total,
    pages_total: total === 0 ? 0 : perPage === -1 ? 1 : Math.ceil(total / perPage),
  };
}
