/** Where a file's bytes are: the store's pre-signed address, taken from the redirect (sjtu-pan.md §5). */
import { StorageError } from "../contract/errors.ts";
import type { Link } from "../contract/mount.ts";
import type { PanReply } from "./session.ts";
import { isUniversity } from "./sign-in.ts";

/** The link that a redirect names. `toLocal` turns the server's time into ours. Throws `upstream` when it leads elsewhere than to the store. */
export function toLink(reply: PanReply, toLocal: (serverMs: number) => number): Link {
  const { location } = reply.headers;
  const url = reply.status >= 300 && reply.status < 400 ? URL.parse(String(location)) : undefined;
  if (!url) {
    throw new StorageError("upstream", "SJTU Pan gave no address for the download", {
      upstream: { status: reply.status },
    });
  }
  checkStore(url);
  const expiresAt = expiryOf(url);
  return {
    url: url.href,
    ...(expiresAt !== undefined && { expiresAt: toLocal(expiresAt) }),
    boundTo: [],
    acceptsRanges: true,
    reusable: true,
    explain,
  };
}

/** Throws `upstream` unless the address is one at the university, over TLS: bytes and signatures go nowhere else. */
export function checkStore(url: URL): void {
  if (url.protocol === "https:" && isUniversity(url.hostname) && url.username === "") return;
  throw new StorageError("upstream", `SJTU Pan names a store outside sjtu.edu.cn: ${url.hostname}`);
}

/** When the address stops working, in milliseconds of the server's time. */
function expiryOf(url: URL): number | undefined {
  const [, ...date] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(url.searchParams.get("X-Amz-Date") ?? "") ?? [];
  const seconds = Number(url.searchParams.get("X-Amz-Expires") ?? Number.NaN);
  if (date.length === 0 || !Number.isFinite(seconds)) return undefined;
  const [year, month, day, hour, minute, second] = date.map(Number) as [number, number, number, number, number, number];
  return Date.UTC(year, month - 1, day, hour, minute, second) + seconds * 1000;
}

/** What the store means by refusing a download (sjtu-pan.md §6). */
function explain(status: number, _headers: unknown, head: Uint8Array): ReturnType<NonNullable<Link["explain"]>> {
  const code = storeCodeOf(Buffer.from(head).toString("utf8"));
  // A new address is what helps against both: the signature ran out, or was of another time.
  if (status === 403)
    return code === undefined || /^(AccessDenied|SignatureDoesNotMatch|ExpiredToken|RequestTimeTooSkewed)$/.test(code)
      ? "expired"
      : "refused";
  if (status === 404) return "changed";
  if (status === 429 || status === 503) return "busy";
  return undefined;
}

/** The code in the store's XML. */
export function storeCodeOf(xml: string): string | undefined {
  return /<Code>([^<]{1,100})<\/Code>/.exec(xml)?.[1];
}
