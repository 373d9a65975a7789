/** If-Match and its kin before a method that changes something (RFC 9110 §13). */
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import { evaluateConditions, isConditional } from "#server/http/conditional.ts";
import type { Resource } from "#server/vfs/resource.ts";
import type { DavContext } from "./frame.ts";

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
