/** What a storage has under the name of a file that waits here: the tree does not show it, so the storage itself is asked. */
import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { kindOf } from "#drivers/contract/errors.ts";
import type { CallOptions, Entry } from "#drivers/contract/mount.ts";
import type { MountedStorage } from "../mounted-storage.ts";
import { isSameContent } from "./pending.ts";
import type { PendingRecord } from "./record.ts";

/** The entries of that name; several only where the service has duplicate names. None where the directory is gone. Throws what the storage fails with. */
export async function entriesAt(
  storage: MountedStorage,
  directory: Entry,
  rawName: string,
  o: CallOptions,
): Promise<readonly Entry[]> {
  const mount = await storage.mount();
  try {
    if (mount.stat && storage.traits.ids === "path") {
      const parents = directory.id === "" ? [] : directory.id.split("/");
      return [await mount.stat([...parents, rawName], o)];
    }
    const found: Entry[] = [];
    for await (const page of mount.list(directory, o)) found.push(...page.filter(({ name }) => name === rawName));
    return found;
  } catch (error) {
    if (kindOf(error) === "not-found") return [];
    throw error;
  }
}

/** True where the storage has the content already: a reply that was lost leaves that in doubt. Where it tells no digest, the file is read. */
export async function hasContent(
  storage: MountedStorage,
  found: Entry,
  record: PendingRecord,
  o: CallOptions,
): Promise<boolean> {
  if (found.kind !== "file") return false;
  const known = isSameContent(found, record);
  if (known !== undefined) return known;
  if (isUnchanged(found, record.base) || !storage.capabilities?.read) return false;
  const digest = createHash("sha1");
  const read = await storage.using("read", (mount) => mount.read!(found, undefined, o));
  await pipeline(read, digest, { signal: o.signal });
  return digest.digest("hex") === record.hashes.sha1;
}

/** True where it is what lay there before. */
export function isUnchanged(found: Entry, base: Entry | undefined): boolean {
  if (!base || found.id !== base.id || found.size !== base.size) return false;
  if (found.version !== undefined || base.version !== undefined) return found.version === base.version;
  return found.modifiedAt !== undefined && found.modifiedAt === base.modifiedAt;
}
