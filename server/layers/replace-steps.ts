/** The single steps of a replacement. */
import { StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions, Entry, Mount } from "#drivers/contract/mount.ts";

/** Begins the names of files that are on their way to take another's place. */
const TEMPORARY_PREFIX = "~pandav-";

/** Longest extension that a temporary name keeps, the dot included. */
const MAX_EXTENSION = 16;

/** A name for new content beside the old file; keeps the extension, since some services never change one (115.md §4.2). */
export function temporaryName(name: string, random: (n: number) => Uint8Array): string {
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 && name.length - dot <= MAX_EXTENSION ? name.slice(dot) : "";
  return `${TEMPORARY_PREFIX}${Buffer.from(random(8)).toString("hex")}${extension}`;
}

/** All entries of that name in a directory, from a whole listing; `alive` is called for every page. */
export async function namesakes(
  mount: Mount,
  parent: Entry,
  name: string,
  { signal, priority }: CallOptions,
  alive: () => void = () => {},
): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  for await (const page of mount.list(parent, { signal, ...(priority && { priority }) })) {
    alive();
    found.push(...page.filter((entry) => entry.name === name));
  }
  return found;
}

/** Removes entries for good. What is gone already is no failure. */
export async function removeAll(mount: Mount, entries: readonly Entry[], o: CallOptions): Promise<void> {
  if (entries.length === 0) return;
  const outcomes = await mount.remove!(entries, { ...o, mode: "permanent" });
  const failed = outcomes.find((outcome) => outcome.error && outcome.error.kind !== "not-found");
  if (failed?.error) throw failed.error;
}

/** The entry under its new name in the same directory. */
export async function renameTo(
  mount: Mount,
  entry: Entry,
  parent: Entry,
  name: string,
  o: CallOptions,
): Promise<Entry> {
  if (entry.name === name) return entry;
  const [outcome] = await mount.move!([entry], parent, { ...o, name, conflict: "fail" });
  if (outcome?.error) throw outcome.error;
  if (outcome?.entry) return outcome.entry;
  const found = (await namesakes(mount, parent, name, o)).at(-1);
  if (!found) throw new StorageError("incomplete", `${name} is not in its directory after it was renamed`);
  return found;
}
