/** What a client is told whom a lock stands against (RFC 4918 §16). */
import { isWithin } from "#drivers/contract/path.ts";
import { HttpError } from "#server/http/errors.ts";
import { LockedError } from "#server/vfs/locks/lock.ts";
import { escapeXml } from "./xml.ts";

/** A refusal with a precondition of RFC 4918 §16 that has content. */
export class ConditionError extends HttpError {
  /** The condition's element as XML, `D` bound to `DAV:`. */
  readonly element: string;

  constructor(status: number, message: string, element: string) {
    super(status, message);
    this.element = element;
  }
}

/** The caller, as far as he decides what paths are called. */
interface Viewer {
  readonly caller: { readonly basePath: string };
  readonly path: string;
  hrefOf(resource: { readonly path: string; readonly kind: "file" | "directory" }): string;
}

/** A `locked` refusal as 423 with the condition and the locked resources that the caller can see; any other error as it is. */
export function explainLocked(error: unknown, viewer: Viewer): unknown {
  if (!(error instanceof LockedError)) return error;
  const name = error.problem === "conflict" ? "no-conflicting-lock" : "lock-token-submitted";
  const hrefs = error.roots.map((root) => {
    // What lies above his base path is not his to know: there it is his own root that is locked.
    const isVisible = isWithin(root.path, viewer.caller.basePath);
    const href = viewer.hrefOf(isVisible ? root : { path: viewer.caller.basePath, kind: "directory" });
    return `<D:href>${escapeXml(href)}</D:href>`;
  });
  return new ConditionError(423, "this is locked", `<D:${name}>${[...new Set(hrefs)].join("")}</D:${name}>`);
}
