/** Signatures of download links, byte for byte AList's (alist-api.md §8.2). */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "#drivers/contract/driver.ts";
import type { Settings } from "../store/settings.ts";
import { AuthError } from "./auth-error.ts";
import { type MetaRules, NO_METAS } from "./metas.ts";

/** `file`: `/d` and `/p`; `archive`: `/ad`, `/ap` and `/ae`; `share`: our own, in the place of a share's code at `/sd`. */
type LinkKind = "file" | "archive" | "share";

export interface Signatures {
  /** The value of `?sign=` for a full path (base path included, not percent-encoded), valid for the setting `link_expiration`. */
  sign(path: string, kind?: LinkKind): string;
  /** Throws AuthError 401: `expire missing`, `expire invalid`, `sign expired`, `sign invalid`. */
  check(path: string, signature: string, kind?: LinkKind): void;
  /** True where a link to a full path works with a signature only: everywhere by `sign_all`, else where the folder has a password. */
  isNeeded(path: string): boolean;
}

/** Signatures made with the setting `token`, as it is at each call: resetting it invalidates every link at once. */
export function createSignatures(settings: Settings, clock: Clock, metas: MetaRules = NO_METAS): Signatures {
  const keyOf = (kind: LinkKind) => settings.get("token") + (kind === "file" ? "" : `-${kind}`);
  return {
    sign(path, kind = "file") {
      const hours = settings.get("link_expiration");
      const expire = hours === 0 ? 0 : Math.floor(clock.now() / 1000) + hours * 3600;
      return signLink(keyOf(kind), path, expire);
    },
    isNeeded(path) {
      if (settings.get("sign_all")) return true;
      const meta = metas.nearest(path);
      return meta?.hasPassword === true && (meta.path === path || meta.passwordSub);
    },
    check(path, signature, kind = "file") {
      const value = signature.replace(/\/$/, "");
      const expire = value.slice(value.lastIndexOf(":") + 1);
      if (!value.includes(":") || expire === "") throw new AuthError(401, "expire missing");
      if (!/^\d{1,15}$/.test(expire)) throw new AuthError(401, "expire invalid");
      if (Number(expire) !== 0 && Number(expire) < clock.now() / 1000) throw new AuthError(401, "sign expired");
      const right = Buffer.from(signLink(keyOf(kind), path, expire));
      const given = Buffer.from(value);
      if (given.length !== right.length || !timingSafeEqual(given, right)) throw new AuthError(401, "sign invalid");
    },
  };
}

/** `base64url(HMAC-SHA256(key, path:expire)):expire`, padded; `expire` in unix seconds, 0 for never (alist-api.md §8.2). */
export function signLink(key: string, path: string, expire: number | string): string {
  const digest = createHmac("sha256", key).update(`${path}:${expire}`).digest("base64");
  return `${digest.replaceAll("+", "-").replaceAll("/", "_")}:${expire}`;
}
