/** `Range` as the store reads it. */

/** The bytes that a range asks for; undefined where it is none, is malformed or asks for several. */
export function parseRange(
  header: string | undefined,
  size: number,
): { readonly offset: number; readonly length: number } | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  if (match[1] === "") {
    const length = Math.min(size, Number(match[2]));
    return length === 0 ? "unsatisfiable" : { offset: size - length, length };
  }
  const offset = Number(match[1]);
  if (offset >= size) return "unsatisfiable";
  const last = match[2] === "" ? size - 1 : Math.min(size - 1, Number(match[2]));
  return last < offset ? undefined : { offset, length: last - offset + 1 };
}
