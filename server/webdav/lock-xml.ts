/** Locks as XML (RFC 4918 §14.1, §15.8, §15.10). The prefix `D` is bound to `DAV:` by whoever embeds it. */
import type { HeldLock } from "#server/vfs/locks/lock.ts";
import { escapeXml } from "./xml.ts";

/** The encoded path of what was locked, as the caller knows it. */
export type LockHref = (lock: Pick<HeldLock, "root" | "rootKind">) => string;

const entry = (scope: string) =>
  `<D:lockentry><D:lockscope><D:${scope}/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>`;

/** What every resource of a storage takes. */
export const SUPPORTED_LOCK = `<D:supportedlock>${entry("exclusive")}${entry("shared")}</D:supportedlock>`;

/** The `lockdiscovery` property with its value, as text. */
export function lockDiscovery(locks: readonly HeldLock[], hrefOf: LockHref): string {
  if (locks.length === 0) return "<D:lockdiscovery/>";
  return `<D:lockdiscovery>${locks.map((lock) => activeLock(lock, hrefOf)).join("")}</D:lockdiscovery>`;
}

function activeLock(lock: HeldLock, hrefOf: LockHref): string {
  return (
    `<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:${lock.scope}/></D:lockscope>` +
    `<D:depth>${lock.depth}</D:depth>${lock.owner}<D:timeout>Second-${lock.secondsLeft}</D:timeout>` +
    `<D:locktoken><D:href>${escapeXml(lock.token)}</D:href></D:locktoken>` +
    `<D:lockroot><D:href>${escapeXml(hrefOf(lock))}</D:href></D:lockroot></D:activelock>`
  );
}
