/** Whether what is stored holds what a source holds, found out by reading the source where the two storages tell nothing in common. */
import type { HashName } from "#drivers/contract/mount.ts";
import type { Vfs } from "../../vfs/api.ts";
import { computable, startDigest } from "../../vfs/digests.ts";
import type { Resource } from "../../vfs/resource.ts";

/** False too where the target tells no digest that could be computed here. Throws as `Vfs.open` and the read. */
export async function holdsContentOf(vfs: Vfs, from: string, target: Resource, signal: AbortSignal): Promise<boolean> {
  const [name] = computable(Object.keys(target.hashes ?? {}) as HashName[]);
  if (name === undefined || target.kind !== "file" || target.sizeIs === "about") return false;
  const file = await vfs.open(from, { signal, priority: "background" });
  if (file.resource.size !== target.size) return false;
  const digest = startDigest(name);
  for await (const chunk of (await file.read()) as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    digest.update(chunk);
  }
  return digest.digest() === target.hashes?.[name];
}
