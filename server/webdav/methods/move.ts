/** MOVE (RFC 4918 §9.9). */
import { HttpError } from "#server/http/errors.ts";
import { isInfinity } from "../depth.ts";
import type { DavMethod } from "../frame.ts";
import { TRANSFER_STATUSES, transfer } from "./transfer.ts";

/** 201 or 204; 403 onto itself, 409 without the parent, 412 with `Overwrite: F` on a taken name, 502 to another server. */
export function moveMethod(): DavMethod {
  return {
    action: "webdav-move",
    statuses: TRANSFER_STATUSES,
    async handle(context) {
      if (!isInfinity(context.request)) throw new HttpError(400, "what is moved is moved whole: Depth: infinity only");
      if (context.path === context.caller.basePath) throw new HttpError(403, "the root cannot be moved");
      await transfer(context, "move", (from, to, o) => context.vfs.move(from, to, o));
    },
  };
}
