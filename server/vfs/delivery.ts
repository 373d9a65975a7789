/** How a file's bytes reach the client: a pure function of link, policy, client and request (architecture.md §7). */
import type { Link } from "#drivers/contract/mount.ts";
import type { StorageInfo } from "./api.ts";

export interface DeliveryQuestion {
  /** What the driver says about where the bytes are; absent where it has no links. */
  readonly link: Pick<Link, "headers" | "boundTo"> | undefined;
  readonly policy: StorageInfo["delivery"];
  readonly method: "GET" | "HEAD";
  readonly userAgent: string | undefined;
  /** Bytes. */
  readonly size: number | undefined;
  readonly pending: boolean;
  /** The link's host is reached by another way that only this server knows (`DriverEnv.upstreams`). */
  readonly isRerouted?: boolean;
}

/** Small files (subtitles, notes) cost less to pass on than a redirect costs the client (webdav.md §7.1). */
const ALWAYS_PROXIED_BELOW = 1024 * 1024;

/** Clients seen to follow a redirect of a download (webdav.md §7.1). */
const FOLLOWS_REDIRECTS = /^(?:curl|rclone|gvfs|VLC|LibVLC|Lavf|Infuse|Fileball|axios|node-fetch)[/ ]/i;

/** `redirect` only where the client is known to follow and the link needs nothing that a redirect cannot carry. */
export function decideDelivery(question: DeliveryQuestion): "redirect" | "proxy" {
  const { link, policy } = question;
  if (!link || policy === "proxy" || question.method === "HEAD" || question.pending) return "proxy";
  // A secret header or cookie would have to leave with the redirect; it cannot, and must not.
  if (Object.keys(link.headers ?? {}).length > 0 || link.boundTo.includes("cookie")) return "proxy";
  if (policy === "redirect") return "redirect";
  if (question.isRerouted) return "proxy";
  if (question.size !== undefined && question.size < ALWAYS_PROXIED_BELOW) return "proxy";
  return question.userAgent !== undefined && FOLLOWS_REDIRECTS.test(question.userAgent) ? "redirect" : "proxy";
}
