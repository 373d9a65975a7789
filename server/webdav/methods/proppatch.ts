/** PROPPATCH (RFC 4918 §9.2). */
import { readBody } from "#server/http/body.ts";
import { PropertyLimitError, type PropertyName } from "#server/vfs/properties/dead-properties.ts";
import type { DavContext, DavMethod } from "../frame.ts";
import { checkConditions, demandUnlocked } from "../preconditions.ts";
import { type Instruction, parsePropertyUpdate } from "../property-update.ts";
import { emptyElement } from "../props.ts";

/** Longest body, in bytes: Windows keeps up to that much with a file (webdav.md §7). */
const MAX_BODY = 1024 * 1024;

/** What became of one instruction. */
type Status = 200 | 403 | 409 | 424 | 507;

const STATUS_LINES: Readonly<Record<Status, string>> = {
  200: "HTTP/1.1 200 OK",
  403: "HTTP/1.1 403 Forbidden",
  409: "HTTP/1.1 409 Conflict",
  424: "HTTP/1.1 424 Failed Dependency",
  507: "HTTP/1.1 507 Insufficient Storage",
};
const PROTECTED = "<D:error><D:cannot-modify-protected-property/></D:error>";

/** 207 with one response: all instructions done, in document order, or none of them. */
export function proppatchMethod(): DavMethod {
  return {
    action: "webdav-properties",
    statuses: { "not-a-directory": 404 },
    async handle(context) {
      const { request, response, vfs, path, signal, options } = context;
      demandUnlocked(context);
      const instructions = parsePropertyUpdate(await readBody(request, response, MAX_BODY, signal));
      const resource = (await checkConditions(context)) ?? (await vfs.stat(path, options));
      const statuses = refusals(instructions) ?? (await apply(context, instructions));
      const body = Buffer.from(multistatus(context.hrefOf(resource), instructions, statuses), "latin1");
      if (response.destroyed) return;
      response.writeHead(207, { "Content-Type": "application/xml; charset=utf-8", "Content-Length": body.length });
      response.end(body);
    },
  };
}

/** The statuses where anything is refused whatever is there now. */
function refusals(instructions: readonly Instruction[]): readonly Status[] | undefined {
  const refused = instructions.map(({ meaning }) => ("refused" in meaning ? meaning.refused : undefined));
  return refused.some((status) => status !== undefined) ? refused.map((status) => status ?? 424) : undefined;
}

async function apply(context: DavContext, instructions: readonly Instruction[]): Promise<readonly Status[]> {
  const { vfs, path, options } = context;
  const changes = instructions.flatMap(({ meaning }, at) =>
    "change" in meaning ? { at, change: meaning.change } : [],
  );
  const times = instructions.flatMap(({ meaning }) => ("modifiedAt" in meaning ? meaning.modifiedAt : []));
  const modifiedAt = times.at(-1);
  try {
    await vfs.patchProperties(
      path,
      { changes: changes.map(({ change }) => change), ...(modifiedAt !== undefined && { modifiedAt }) },
      options,
    );
    return instructions.map(() => 200);
  } catch (error) {
    if (!(error instanceof PropertyLimitError)) throw error;
    const tooMuch = changes[error.index]?.at;
    return instructions.map((_, at) => (at === tooMuch ? 507 : 424));
  }
}

function multistatus(href: string, instructions: readonly Instruction[], statuses: readonly Status[]): string {
  let propstats = "";
  for (const status of new Set(statuses)) {
    const names = unique(instructions.filter((_, at) => statuses[at] === status).map(({ property }) => property));
    const elements = names.map(({ namespace, name }) => emptyElement(namespace, name)).join("");
    propstats += `<D:propstat><D:prop>${elements}</D:prop><D:status>${STATUS_LINES[status]}</D:status>`;
    propstats += `${status === 403 ? PROTECTED : ""}</D:propstat>`;
  }
  return (
    '<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:" xmlns:oc="http://owncloud.org/ns">' +
    `<D:response><D:href>${href}</D:href>${propstats}</D:response></D:multistatus>`
  );
}

/** A property may be named by several instructions. */
function unique(names: readonly PropertyName[]): readonly PropertyName[] {
  return [...new Map(names.map((name) => [`${name.namespace} ${name.name}`, name])).values()];
}
