/** Names for what is to stand beside something of the same name. */
import { StorageError } from "#drivers/contract/errors.ts";

/** Far more namesakes than anybody makes by hand. */
const MOST_TRIES = 10_000;

/** The first of `a (1).txt`, `a (2).txt`, … that is free: as services choose it (sjtu-pan.md §3.1). */
export function freeName(name: string, kind: "file" | "directory", isTaken: (name: string) => boolean): string {
  const dot = kind === "file" ? name.lastIndexOf(".") : -1;
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let n = 1; n <= MOST_TRIES; n++) {
    const candidate = `${stem} (${n})${extension}`;
    if (!isTaken(candidate)) return candidate;
  }
  throw new StorageError("already-exists", `${name} exists already, and so do ${MOST_TRIES} numbered ones`);
}
