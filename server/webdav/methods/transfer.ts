/** What COPY and MOVE share (RFC 4918 §9.8, §9.9). */
import { kindOf } from "#drivers/contract/errors.ts";
import { isWithin } from "#drivers/contract/path.ts";
import type { Action } from "#server/auth/permission-bits.ts";
import { fullPath } from "#server/auth/permissions.ts";
import { HttpError } from "#server/http/errors.ts";
import type { TransferOptions } from "#server/vfs/resource.ts";
import type { DavContext, DavMethod } from "../frame.ts";
import { destinationPath } from "../paths.ts";
import { checkConditions } from "../preconditions.ts";
import { sendEmpty } from "../reply.ts";

/** Statuses of both: what is too large and cannot be a task's is refused for good, for rclone repeats other statuses (architecture.md §9). */
export const TRANSFER_STATUSES: DavMethod["statuses"] = {
  "already-exists": 412,
  "not-a-directory": 409,
  unsupported: 403,
  "too-large": 403,
};

const ACTIONS = { copy: "webdav-copy", move: "webdav-move" } as const satisfies Record<string, Action>;

/** Runs a transfer to the request's Destination and answers it: 201 for a new resource, 204 for a replaced one. */
export async function transfer(
  context: DavContext,
  how: "copy" | "move",
  run: (from: string, to: string, o: TransferOptions) => Promise<{ readonly created: boolean }>,
): Promise<void> {
  const { request, response, path, options, front, caller } = context;
  const overwrite = overwriteOf(request.headers.overwrite);
  const to = fullPath(caller, destinationPath(request, front.prefix, front.publicHosts));
  context.rights.demand(ACTIONS[how], to);
  if (path === to) throw new HttpError(403, "source and destination are the same");
  if (path === "/" || to === "/") throw new HttpError(403, "the root cannot be copied, moved or replaced");
  if (isWithin(to, path)) throw new HttpError(409, "the destination lies inside the source");
  if (isWithin(path, to)) throw new HttpError(409, "the source lies inside the destination");
  await checkConditions(context);
  const direct = () => run(path, to, { ...options, conflict: overwrite ? "replace" : "fail" });
  const { created } = await front.transfers
    .run({ how, from: path, to }, overwrite, context, direct)
    .catch(async (error: unknown) => {
      throw (await isAboutParent(context, to, error))
        ? new HttpError(409, "the destination's parent does not exist")
        : error;
    });
  sendEmpty(response, created ? 201 : 204);
}

/** Whether `Overwrite` allows replacing; absent means it does (RFC 4918 §10.6). Throws HttpError 400 for other values than T and F. */
export function overwriteOf(header: string | string[] | undefined): boolean {
  const value = header === undefined ? "T" : String(header).trim().toUpperCase();
  if (value !== "T" && value !== "F") throw new HttpError(400, "Overwrite is T or F");
  return value === "T";
}

/** A missing source is 404, a missing parent of the destination 409; the vfs says `not-found` for both. */
async function isAboutParent({ vfs, path, signal }: DavContext, to: string, error: unknown): Promise<boolean> {
  if (kindOf(error) !== "not-found") return false;
  const about = (error as { path?: string }).path;
  if (about !== undefined && isWithin(path, about) !== isWithin(to, about)) return isWithin(to, about);
  return await vfs.stat(path, { signal }).then(
    () => true,
    () => false,
  );
}
