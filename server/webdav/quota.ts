/** What a storage says about its space, for as long as a listing can wait for it. */
import type { Usage } from "#drivers/contract/mount.ts";
import type { Vfs } from "#server/vfs/api.ts";

/** A property that is not known by then is absent: file managers ask for quota with every look at a folder (webdav.md §5.1). */
const PATIENCE_MS = 2_000;

/** Undefined where the storage does not tell, fails, or takes too long; the vfs remembers what it said. */
export async function usageInTime(vfs: Vfs, path: string, signal: AbortSignal): Promise<Usage | undefined> {
  const patience = Promise.withResolvers<undefined>();
  const timer = setTimeout(patience.resolve, PATIENCE_MS, undefined);
  try {
    const asked = vfs.usage(path, { signal }).catch(() => undefined);
    const usage = await Promise.race([asked, patience.promise]);
    signal.throwIfAborted();
    return usage;
  } finally {
    clearTimeout(timer);
  }
}
