/** Every route of the API that is dispatched before Hono: what carries bytes, and what answers in lines. One line here for each. */
import { z } from "@hono/zod-openapi";
import { BACKUP_PATH, createBackupHandler } from "./backup-handler.ts";
import { CONTENT_PATH, createContentHandler } from "./content-handler.ts";
import type { ApiApp, ApiDeps } from "./deps.ts";
import { createFormHandler, FORM_PATH } from "./form-handler.ts";
import { createImportHandler, IMPORT_PATH } from "./import-handler.ts";
import { createPieceHandler, PIECE_PATH } from "./piece-handler.ts";
import type { PieceUploads } from "./piece-uploads.ts";
import { createPutHandler, PUT_PATH } from "./put-handler.ts";
import type { RawHandler } from "./raw.ts";
import { createReadHandler, READ_PATH } from "./read-handler.ts";
import { uploadLocalRoute } from "./routes/upload-local.ts";
import { createStreamHandler } from "./stream.ts";
import { createStreams } from "./streams.ts";
import { createTaskEvents, TASK_EVENTS_PATH } from "./task-events.ts";

/** A route and who answers it. */
export interface RawRoute {
  readonly path: string;
  /** Without HEAD, which goes where GET goes. */
  readonly methods: readonly string[];
  readonly handle: RawHandler;
  /** Only on the control socket: visitors are told that there is none. */
  readonly ownerOnly?: true;
}

/** The routes, for dispatch before Hono. */
export function createRawRoutes(deps: ApiDeps, pieces: PieceUploads): readonly RawRoute[] {
  return [
    { path: READ_PATH, methods: ["GET"], handle: createReadHandler(deps) },
    { path: CONTENT_PATH, methods: ["GET", "PUT"], handle: createContentHandler(deps) },
    { path: PUT_PATH, methods: ["PUT"], handle: createPutHandler(deps) },
    { path: FORM_PATH, methods: ["PUT"], handle: createFormHandler(deps) },
    { path: PIECE_PATH, methods: ["PUT"], handle: createPieceHandler(deps, pieces) },
    { path: TASK_EVENTS_PATH, methods: ["GET"], handle: createTaskEvents(deps) },
    { path: BACKUP_PATH, methods: ["POST"], handle: createBackupHandler(deps) },
    { path: IMPORT_PATH, methods: ["POST"], handle: createImportHandler(deps) },
    ...createStreams(deps),
    // Whoever opens the control socket could read those files anyway.
    { ...createStreamHandler(uploadLocalRoute(), deps), ownerOnly: true },
  ];
}

/** Headers that announce an upload (alist-api.md §7.1). */
const uploadHeaders = z.object({
  "File-Path": z.string(),
  "X-File-Md5": z.string().optional(),
  "X-File-Sha1": z.string().optional(),
  "X-File-Sha256": z.string().optional(),
  "X-File-Size": z.string().optional(),
  "Last-Modified": z.string().optional(),
  Overwrite: z.string().optional(),
  "As-Task": z.string().optional(),
  Password: z.string().optional(),
});

/** Names AList's upload routes in the documentation. */
export function describeUploads(app: ApiApp): void {
  const responses = {
    200: {
      description: "AList's envelope: `code` 200, or another code with a message",
      content: {
        "application/json": { schema: z.object({ code: z.int(), message: z.string(), data: z.unknown() }) },
      },
    },
  };
  const pieceHeaders = z.object({ "X-Upload-Id": z.string(), "X-Chunk-Index": z.string() });
  for (const [path, summary, headers, type] of [
    [
      PUT_PATH,
      "Store a file; answered when it is stored and verified, or kept here and its upload a task",
      uploadHeaders,
      "application/octet-stream",
    ],
    [FORM_PATH, "Store the field `file` of a form", uploadHeaders, "multipart/form-data"],
    [PIECE_PATH, "One piece of an upload", pieceHeaders, "application/octet-stream"],
  ] as const) {
    app.openAPIRegistry.registerPath({
      method: "put",
      path,
      summary,
      security: [{ token: [] }],
      request: { headers, body: { content: { [type]: { schema: z.string() } } } },
      responses,
    });
  }
}
