/** What must be true before a method runs: `If` (RFC 4918 §10.4) before every one, If-Match and its kin (RFC 9110 §13) before one that changes something. */
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import { fullPath } from "#server/auth/permissions.ts";
import { evaluateConditions, isConditional } from "#server/http/conditional.ts";
import { HttpError } from "#server/http/errors.ts";
import type { Resource } from "#server/vfs/resource.ts";
import type { DavContext } from "./frame.ts";
import { evaluateIf, type IfState } from "./if-header.ts";
import { taggedPath } from "./paths.ts";

/** Throws HttpError 412 where the request has an If header of which no list holds. */
export async function demandIf(context: DavContext): Promise<void> {
  const { ifHeader } = context;
  if (!ifHeader) return;
  const holds = await evaluateIf(ifHeader, (tag, wantsEtag) => stateOf(context, tag, wantsEtag));
  if (!holds) throw new HttpError(412, "none of the lists of the If header holds");
}

/** Throws `locked` where the caller may not change content or properties at the request's path: for methods that read a body before they ask the vfs. */
export function demandUnlocked({ vfs, path, options }: DavContext): void {
  vfs.locks.demandChangeable(path, options);
}

/** The resource at the request's path, where the request has conditions; throws `precondition-failed` when they do not hold. */
export async function checkConditions({ request, vfs, path, signal }: DavContext): Promise<Resource | undefined> {
  const { headers } = request;
  if (!isConditional(headers)) return undefined;
  const current = await vfs.stat(path, { signal }).catch((error: unknown) => {
    if (kindOf(error) === "not-found") return undefined;
    throw error;
  });
  demandConditions(request, current);
  return current;
}

/** Throws `precondition-failed` unless the request's conditions hold for what is there now. */
export function demandConditions(request: DavContext["request"], current: Resource | undefined): void {
  if (evaluateConditions(request.headers, request.method ?? "", current) === "failed") {
    throw new StorageError("precondition-failed", "a condition of the request does not hold any more");
  }
}

async function stateOf(context: DavContext, tag: string | undefined, wantsEtag: boolean): Promise<IfState> {
  const { vfs, caller, front, options } = context;
  const named = tag === undefined ? context.named : taggedPath(tag, front.prefix);
  if (named === undefined) return { tokens: [] };
  const path = fullPath(caller, named);
  const tokens = vfs.locks.at(path).map(({ token }) => token);
  if (!wantsEtag) return { tokens };
  const resource = await vfs.stat(path, options).catch((error: unknown) => {
    if (kindOf(error) === "not-found" || kindOf(error) === "not-a-directory") return undefined;
    throw error;
  });
  return { tokens, etag: resource?.etag };
}
