/** `PUT /api/fs/multipart/chunk`: one piece of an upload (alist-api.md §7.4). */
import { openBody } from "../http/body.ts";
import type { ApiDeps } from "./deps.ts";
import type { PieceUploads } from "./piece-uploads.ts";
import { replyWith } from "./put-handler.ts";
import { type RawHandler, rawHandler } from "./raw.ts";

/** Where the raw handler listens. */
export const PIECE_PATH = "/api/fs/multipart/chunk";

/** Answers when the piece is on our disk. Never rejects. */
export function createPieceHandler(deps: Pick<ApiDeps, "vfs" | "auth" | "log">, pieces: PieceUploads): RawHandler {
  return rawHandler(
    deps,
    {
      async PUT(call) {
        const { request, response, user, vfs, signal } = call;
        const text = (name: string) => String(request.headers[name] ?? "");
        const index = /^\d{1,9}$/.test(text("x-chunk-index")) ? Number(text("x-chunk-index")) : -1;
        const by = { userId: user.id, vfs, signal };
        replyWith(call, await pieces.place(by, text("x-upload-id"), index, openBody(request, response)));
      },
    },
    { wire: "alist" },
  );
}
