/** The authenticator that leaves a record of logins. */
import { LRUCache } from "lru-cache";
import type { Audit } from "./audit.ts";
import { AuthError } from "./auth-error.ts";
import type { Authenticator } from "./authenticator.ts";
import { parseBasic } from "./basic.ts";

/** File clients log in with every request: one row for each user and address in this time. */
const ONCE_PER_MS = 24 * 3_600_000;
const MOST_KEPT = 5_000;

/** The same authenticator. Recorded are logins and what was refused to a wrong name, password, token or code; not who must wait after too many of them, nor who is only asked for a code. */
export function audited(inner: Authenticator, audit: Pick<Audit, "record">): Authenticator {
  const seen = new LRUCache<string, true>({ max: MOST_KEPT, ttl: ONCE_PER_MS });
  return {
    ...inner,
    async login(name, sent, code, address) {
      try {
        const user = await inner.login(name, sent, code, address);
        audit.record({ action: "login", ok: true, user: user.name, address });
        return user;
      } catch (error) {
        if (isRefusal(error) && !(error.code === 402 && code === "")) {
          audit.record({ action: "login", ok: false, user: name, address });
        }
        throw error;
      }
    },
    async basic(header, address) {
      try {
        const caller = await inner.basic(header, address);
        const key = `${caller.user.id}\0${caller.by}\0${address}`;
        if (caller.by !== "guest" && !seen.has(key)) {
          seen.set(key, true);
          audit.record({ action: "login.webdav", ok: true, user: caller.user.name, address, subject: caller.by });
        }
        return caller;
      } catch (error) {
        if (header && isRefusal(error)) {
          audit.record({ action: "login.webdav", ok: false, user: parseBasic(header)?.name ?? "", address });
        }
        throw error;
      }
    },
  };
}

function isRefusal(error: unknown): error is AuthError {
  return error instanceof AuthError && error.code !== 429;
}
