/** UNLOCK (RFC 4918 §9.11). */
import { kindOf } from "#drivers/contract/errors.ts";
import { HttpError } from "#server/http/errors.ts";
import type { DavMethod } from "../frame.ts";
import { sendEmpty } from "../reply.ts";
import { noSuchLock } from "./lock.ts";

/** 204; 400 without a Lock-Token, 403 for another user's lock unless an administrator asks (RFC 4918 §6.4), 409 for a token that holds no lock there. */
export function unlockMethod(): DavMethod {
  return {
    action: "webdav-properties",
    statuses: {},
    async handle({ request, response, vfs, path, caller, options }) {
      const token = tokenOf(request.headers["lock-token"]);
      try {
        await vfs.locks.unlock(path, token, { ...options, force: caller.role === "admin" });
      } catch (error) {
        throw kindOf(error) === "precondition-failed" ? noSuchLock(409) : error;
      }
      sendEmpty(response, 204);
    },
  };
}

/** With or without its angle brackets: npm `webdav` sends it bare (webdav.md §5). */
function tokenOf(header: string | readonly string[] | undefined): string {
  const token = typeof header === "string" ? /^<?([^<>\s]+)>?$/.exec(header.trim())?.[1] : undefined;
  if (token === undefined) throw new HttpError(400, "UNLOCK needs one Lock-Token");
  return token;
}
