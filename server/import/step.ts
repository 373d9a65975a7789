/** One thing that an import would do, or has done. */

/**
 * `add`: it is made; `replace`: what is here takes that server's value; `same`: it is here already; `keep`: it is kept as it came, and not in use;
 * `skip`: there is no place for it here; `conflict`: something here stands in its place; `failed`: it should have been made and could not.
 */
export const OUTCOMES = ["add", "replace", "same", "keep", "skip", "conflict", "failed"] as const;

/** What a row is about. */
export const SUBJECTS = ["setting", "user", "meta", "share", "storage", "other"] as const;

export interface ImportRow {
  readonly what: (typeof SUBJECTS)[number];
  /** As the other server calls it. */
  readonly name: string;
  readonly outcome: (typeof OUTCOMES)[number];
  /** Why, what is not taken of it, and the remedy. Holds no secret. */
  readonly note?: string;
}

export interface Step {
  readonly row: ImportRow;
  /** What tells it from another one of its name; no secret in it. Only with `apply`. */
  readonly mark?: string;
  /** What the row is about, where it is about several. */
  readonly names?: readonly string[];
  /** Does it, and gives what turned out otherwise. Absent where there is nothing to do. */
  readonly apply?: (signal: AbortSignal) => Promise<Partial<Pick<ImportRow, "outcome" | "note">> | undefined>;
}

/** A step that does nothing. */
export function remark(what: ImportRow["what"], name: string, outcome: ImportRow["outcome"], note?: string): Step {
  return { row: { what, name, outcome, ...(note && { note }) } };
}

/** Several notes as one. */
export function notes(...all: readonly (string | false | undefined)[]): { readonly note?: string } {
  const said = all.filter((one): one is string => typeof one === "string" && one !== "");
  return said.length === 0 ? {} : { note: said.join("; ") };
}
