/** DELETE (RFC 4918 §9.6). */
import { HttpError } from "#server/http/errors.ts";
import { isInfinity } from "../depth.ts";
import type { DavMethod } from "../frame.ts";
import { checkConditions } from "../preconditions.ts";
import { sendEmpty } from "../reply.ts";

/** 204. A directory goes with all that is in it, so a Depth other than infinity is refused there (RFC 4918 §9.6.1). */
export function deleteMethod(): DavMethod {
  return {
    action: "webdav-remove",
    statuses: { "not-a-directory": 404, unsupported: 403 },
    async handle(context) {
      const { request, response, vfs, path, options } = context;
      if (path === "/" || path === context.caller.basePath) throw new HttpError(403, "the root cannot be deleted");
      const resource = await checkConditions(context);
      if (!isInfinity(request)) {
        const { kind } = resource ?? (await vfs.stat(path, options));
        if (kind === "directory") throw new HttpError(400, "a directory is deleted with Depth: infinity only");
      }
      await vfs.remove(path, options);
      sendEmpty(response, 204);
    },
  };
}
