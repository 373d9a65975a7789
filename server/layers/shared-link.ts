/** Links that several callers got from one call. */
import type { Link } from "#drivers/contract/mount.ts";

/** The link for one of `holders`: released at the upstream when every one of them has released it. */
export function shareLink(link: Link, holders: { count: number }): Link {
  if (!link.release) return link;
  let released = false;
  return {
    ...link,
    async release() {
      if (released) return;
      released = true;
      holders.count -= 1;
      if (holders.count === 0) await link.release?.();
    },
  };
}

/** Lets go of a link that nobody waits for any more. */
export function dropLink(link: Link): void {
  link.release?.().then(undefined, () => {});
}
