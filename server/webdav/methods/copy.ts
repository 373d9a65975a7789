/** COPY (RFC 4918 §9.8). */
import { HttpError } from "#server/http/errors.ts";
import { depthOf } from "../depth.ts";
import type { DavMethod } from "../frame.ts";
import { TRANSFER_STATUSES, transfer } from "./transfer.ts";

/** 201 or 204; Depth 0 copies a directory without what is in it (RFC 4918 §9.8.3). */
export function copyMethod(): DavMethod {
  return {
    action: "webdav-copy",
    statuses: TRANSFER_STATUSES,
    async handle(context) {
      const depth = depthOf(context.request);
      if (depth === "1") throw new HttpError(400, "COPY knows Depth 0 and infinity only");
      await transfer(context, "copy", (from, to, o) => {
        return context.vfs.copy(from, to, { ...o, recursive: depth !== "0" });
      });
    },
  };
}
