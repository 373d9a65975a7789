/** The `Range` request header (RFC 9110 §14). HTTP's inclusive last byte exists only in this file. */

/** What a `Range` header asks of a representation of known size. */
export type RangeAnswer =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly offset: number; readonly length: number }
  | { readonly kind: "unsatisfiable" };

const WHOLE: RangeAnswer = { kind: "whole" };
const UNSATISFIABLE: RangeAnswer = { kind: "unsatisfiable" };

/**
 * The bytes that a `Range` header asks of `size` bytes. Unknown units, several ranges and what is no range are `whole`, as RFC 9110 §14.2 allows;
 * so is every range of an empty file, which players ask for and no Content-Range can express.
 */
export function parseRange(header: string | undefined, size: number): RangeAnswer {
  if (header === undefined || size === 0) return WHOLE;
  const match = /^bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header);
  if (!match) return WHOLE;
  const first = match[1] as string;
  const last = match[2] as string;
  if (first === "") {
    if (last === "") return WHOLE;
    const wanted = Math.min(Number(last), size);
    return wanted === 0 ? UNSATISFIABLE : { kind: "part", offset: size - wanted, length: wanted };
  }
  const offset = Number(first);
  if (last !== "" && Number(last) < offset) return WHOLE;
  if (offset >= size) return UNSATISFIABLE;
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  return { kind: "part", offset, length: end - offset };
}

/** The `Content-Range` of a 206 (RFC 9110 §14.4). */
export function contentRange(offset: number, length: number, size: number): string {
  return `bytes ${offset}-${offset + length - 1}/${size}`;
}

/** The `Content-Range` of a 416 (RFC 9110 §15.5.17). */
export function unsatisfiedRange(size: number): string {
  return `bytes */${size}`;
}
