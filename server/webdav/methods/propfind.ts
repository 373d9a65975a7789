/** PROPFIND (RFC 4918 §9.1). */
import { kindOf } from "#drivers/contract/errors.ts";
import { hasBody, readBody } from "#server/http/body.ts";
import { acceptsGzip } from "#server/http/content-coding.ts";
import { HttpError } from "#server/http/errors.ts";
import type { Vfs } from "#server/vfs/api.ts";
import type { HeldLock } from "#server/vfs/locks/lock.ts";
import type { Listing, Resource } from "#server/vfs/resource.ts";
import { depthOf } from "../depth.ts";
import type { DavContext, DavMethod } from "../frame.ts";
import { lockDiscovery } from "../lock-xml.ts";
import { parsePropertySet } from "../property-set.ts";
import { createPropfindWriter } from "../propfind-writer.ts";
import { usageInTime } from "../quota.ts";
import { toByteText } from "../xml.ts";

/** Longest body, in bytes (webdav.md §5). */
const MAX_BODY = 1024 * 1024;
const NO_BODY = Buffer.alloc(0);

/**
 * 207 for Depth 0 and 1; no Depth counts as 1, though RFC 4918 §9.1 says infinity: nobody who sends none wants the whole tree.
 * Infinity is 403 with `propfind-finite-depth`. A listing that fails is its error's status, never an empty 207.
 */
export function propfindMethod({ prepared }: Pick<Vfs, "prepared">): DavMethod {
  const writer = createPropfindWriter(prepared);

  return {
    action: "webdav-read",
    statuses: { "not-a-directory": 404 },
    async handle(context) {
      const { request, response, vfs, signal } = context;
      const depth = depthOf(request) ?? "1";
      const body = hasBody(request) ? await readBody(request, response, MAX_BODY, signal) : NO_BODY;
      const set = parsePropertySet(body);
      if (depth === "infinity") {
        throw new HttpError(403, "a whole tree is not listed at once", { condition: "propfind-finite-depth" });
      }
      const listing = depth === "1" ? await listingOf(context) : undefined;
      const self = listing?.directory ?? (await vfs.stat(context.path, { signal }));
      const wantsUsage = set.needsUsage === "always" || (set.needsUsage === "depth0" && depth === "0");
      const usage = wantsUsage && self.kind === "directory" ? await usageInTime(vfs, self.path, signal) : undefined;
      const capabilities = set.needsCapabilities ? vfs.capabilities(self.path) : undefined;
      const discovery = set.needsLocks && !vfs.locks.isEmpty ? lockDiscoveryIn(context, self.path) : undefined;
      await writer.write({
        response,
        headers: listing?.staleSeconds === undefined ? [] : ["Pandav-Stale", String(Math.ceil(listing.staleSeconds))],
        gzip: acceptsGzip(request.headers),
        set,
        href: context.hrefOf(self),
        self: asRoot(context, self),
        selfFacts: { capabilities, usage, lockDiscovery: discovery?.self },
        facts: { capabilities, lockDiscovery: discovery?.child },
        ...(listing && { listing }),
        signal,
      });
    },
  };
}

/** Emits the locks of a directory and of what is in it, from memory. */
function lockDiscoveryIn(context: DavContext, path: string) {
  const view = context.vfs.locks.view(path);
  const emit = (locks: readonly HeldLock[]) =>
    toByteText(lockDiscovery(locks, ({ root, rootKind }) => context.hrefOf({ path: root, kind: rootKind })));
  return { self: () => emit(view.self), child: (child: Resource) => emit(view.child(child)) };
}

/** The listing, or undefined for a file, of which older rclones ask with Depth 1 too. */
async function listingOf({ vfs, path, signal }: DavContext): Promise<Listing | undefined> {
  try {
    return await vfs.list(path, { signal });
  } catch (error) {
    if (kindOf(error) === "not-a-directory") return undefined;
    throw error;
  }
}

/** The caller's own root has no name: what it is called above his base path is not his to know. */
function asRoot({ caller }: DavContext, self: Resource): Resource {
  if (self.path !== caller.basePath || self.name === "") return self;
  const { path, kind, modifiedAt, createdAt, key, mountPath, isMountPoint, properties, pending } = self;
  return { path, name: "", kind, modifiedAt, createdAt, key, mountPath, isMountPoint, properties, pending };
}
