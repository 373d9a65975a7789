/** Names chosen where the wanted one is taken. */
import type { Entry } from "../contract/mount.ts";

/** The `n`th other name: `report (1).txt`, `folder.d (1)`, `.profile (1)`. */
export function numberedName(name: string, n: number, kind: Entry["kind"]): string {
  const dot = kind === "file" ? name.lastIndexOf(".") : -1;
  return dot > 0 ? `${name.slice(0, dot)} (${n})${name.slice(dot)}` : `${name} (${n})`;
}
