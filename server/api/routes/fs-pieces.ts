/** OpenList's uploads in pieces, less the pieces themselves (alist-api.md §7.4). */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ensureParent } from "../changing.ts";
import { type Call, declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { ApiError } from "../envelope.ts";
import type { PieceUploads } from "../piece-uploads.ts";
import { nothing } from "../schemas.ts";
import { announcedUpload } from "../upload-headers.ts";
import { shownPath, userPath } from "../user-path.ts";
import { wireInt, wireText } from "../wire-fields.ts";

const MIB = 1024 * 1024;

const snapshotSchema = z
  .object({
    upload_id: z.string(),
    state: z.string(),
    attempt: z.int(),
    path: z.string(),
    size: z.int(),
    chunk_size: z.int(),
    total_chunks: z.int(),
    received: z
      .array(z.tuple([z.int(), z.int()]).readonly())
      .readonly()
      .nullable(),
    received_bytes: z.int(),
    frontier: z.int(),
    storage_progress: z.number(),
    error: z.string().optional(),
  })
  .openapi("PieceUpload");

/** Adds `/api/fs/multipart/init`, `status`, `complete` and `abort`. */
export function fsPieceRoutes(app: ApiApp, deps: ApiDeps, pieces: PieceUploads): void {
  const { settings } = deps;

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/multipart/init",
      summary:
        "Begin an upload in pieces, or find the one that was begun; headers as those of /api/fs/put, with X-File-Size",
      access: "guest",
      input: nothing,
      output: snapshotSchema.extend({ resumed: z.boolean() }),
    },
    async ({ caller: { user }, rights, vfs, signal, c }) => {
      if (!settings.get("multipart_enabled")) throw new ApiError(403, "uploads in pieces are turned off");
      const announced = announcedUpload({ headers: headersOf(c) }, user);
      rights.demandVerb("write", announced.path);
      if (!vfs.storages.at(announced.path)) throw new ApiError(500, "storage not found: nothing is mounted there");
      if ((announced.size ?? 0) > 0) await ensureParent(vfs, announced.path, signal);
      const wanted = Number(c.req.header("X-Chunk-Size") ?? Number.NaN);
      return pieces.begin({ userId: user.id, vfs, signal }, announced, {
        shownPath: shownPath(user, announced.path),
        wantedChunk: Number.isInteger(wanted) ? wanted : undefined,
        largestChunk: settings.get("multipart_chunk_size") * MIB,
      });
    },
  );

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/fs/multipart/status",
      summary: "How far an upload in pieces is, by its id or by path and size",
      access: "guest",
      input: z.object({ upload_id: wireText(), path: wireText(), size: wireInt() }),
      output: snapshotSchema,
    },
    async ({ input, caller: { user } }) =>
      pieces.status(
        { userId: user.id },
        input.upload_id === "" ? { path: userPath(user, input.path), size: input.size ?? 0 } : { id: input.upload_id },
      ),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/multipart/complete",
      summary: "Store the file whose pieces are all here; answered when it is stored and verified",
      access: "guest",
      input: nothing,
      output: snapshotSchema,
    },
    ({ caller: { user }, vfs, signal, c }) => pieces.complete({ userId: user.id, vfs, signal }, uploadId(c)),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/fs/multipart/abort",
      summary: "Give an upload in pieces up",
      access: "guest",
      input: nothing,
      output: z.null(),
    },
    async ({ caller: { user }, c }: Call<object, "guest">) => {
      try {
        await pieces.abort({ userId: user.id }, uploadId(c));
      } catch (error) {
        throw error instanceof ApiError ? new ApiError(error.code, error.message) : error;
      }
      return null;
    },
  );
}

function uploadId(c: Context): string {
  return c.req.header("X-Upload-Id") ?? "";
}

function headersOf(c: Context): Record<string, string> {
  return Object.fromEntries(c.req.raw.headers);
}
