/** `PUT /api/fs/put`: a file as the body of a request (alist-api.md §7.1). */
import type { Readable } from "node:stream";
import { kindOf } from "#drivers/contract/errors.ts";
import { openBody } from "../http/body.ts";
import type { WriteResult } from "../vfs/resource.ts";
import { ensureParent } from "./changing.ts";
import type { ApiDeps } from "./deps.ts";
import { dialectOfRequest } from "./dialect.ts";
import { ApiError, JSON_TYPE, success } from "./envelope.ts";
import { type RawCall, type RawHandler, rawHandler } from "./raw.ts";
import { type TaskInfo, toTaskInfo } from "./task-wire.ts";
import { type AnnouncedUpload, announcedUpload } from "./upload-headers.ts";

/** What the handlers of uploads need. */
export type UploadDeps = Pick<ApiDeps, "vfs" | "auth" | "log" | "tasks" | "settings">;

/** Where the raw handler listens. */
export const PUT_PATH = "/api/fs/put";

/** Answers when the file is stored and verified, or kept here and its upload a task, which is the answer to `As-Task` then. Never rejects. */
export function createPutHandler(deps: UploadDeps): RawHandler {
  return rawHandler(
    deps,
    {
      async PUT(call) {
        const { request, response, user } = call;
        const announced = announcedUpload(request, user);
        const length = request.headers["content-length"];
        const size = length === undefined ? announced.size : Number(length);
        const stored = await storeUpload(call, announced, openBody(request, response), size);
        replyWith(call, await taskOf(call, announced, stored, deps));
      },
    },
    { wire: "alist" },
  );
}

/** Stores an upload, its missing parents first. Throws ApiError 403 where something is there and `Overwrite: false` was sent, and as `Vfs.write`. */
export async function storeUpload(
  { rights, vfs, signal }: Pick<RawCall, "rights" | "vfs" | "signal">,
  { path, overwrite, modifiedAt, hashes, asTask }: AnnouncedUpload,
  stream: Readable,
  size: number | undefined,
): Promise<WriteResult> {
  // Before the body is asked for.
  rights.demandVerb("write", path);
  if (!vfs.storages.at(path)) throw new ApiError(500, "storage not found: nothing is mounted there");
  await ensureParent(vfs, path, signal);
  const source = {
    stream,
    hashes,
    ...(size !== undefined && { size }),
    ...(modifiedAt !== undefined && { modifiedAt }),
  };
  try {
    return await vfs.write(path, source, {
      signal,
      conflict: overwrite ? "replace" : "fail",
      ...(asTask && { answerEarly: true }),
    });
  } catch (error) {
    if (kindOf(error) === "already-exists") throw new ApiError(403, "file exists");
    throw error;
  }
}

/** The task of an upload that was asked for as one; `null` where nobody asked, and where the file is stored already. */
export async function taskOf(
  { user, request }: Pick<RawCall, "user" | "request">,
  { asTask }: Pick<AnnouncedUpload, "asTask">,
  { pending }: Pick<WriteResult, "pending">,
  { tasks, vfs, settings }: UploadDeps,
): Promise<{ readonly task: TaskInfo } | null> {
  const task = asTask && pending !== undefined ? await tasks.get(pending) : undefined;
  return task ? { task: toTaskInfo(task, user, vfs.storages, dialectOfRequest(request, settings)) } : null;
}

/** Sends the envelope of a success. */
export function replyWith({ response }: Pick<RawCall, "response">, data: unknown): void {
  const body = JSON.stringify(success(data));
  response.writeHead(200, { "Content-Type": JSON_TYPE, "Content-Length": Buffer.byteLength(body) }).end(body);
}
