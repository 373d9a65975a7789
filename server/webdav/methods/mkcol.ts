/** MKCOL (RFC 4918 §9.3). */
import { hasBody } from "#server/http/body.ts";
import { HttpError } from "#server/http/errors.ts";
import type { DavMethod } from "../frame.ts";
import { sendEmpty } from "../reply.ts";

/** 201; 405 for a name that is taken, which rclone, Joplin and gvfs rely on; 409 without the parent; 415 with a body. */
export function mkcolMethod(): DavMethod {
  return {
    action: "webdav-write",
    statuses: { "already-exists": 405, "not-found": 409, "not-a-directory": 409, unsupported: 403 },
    async handle({ request, response, vfs, path, options }) {
      if (hasBody(request)) throw new HttpError(415, "a MKCOL with a body is not understood");
      if (path === "/") throw new HttpError(405, "the root exists");
      await vfs.makeDirectory(path, options);
      sendEmpty(response, 201);
    },
  };
}
