/** What a PROPFIND of a directory says, by name. */
import { type DavResponse, OK, readMultistatus } from "#test/webdav/harness.ts";
import { type CrashWorld, expectStatus } from "./world.ts";

export interface Shown {
  readonly isDirectory: boolean;
  /** Tokens of the locks that cover it. */
  readonly tokens: readonly string[];
  /** Values of the properties of the namespace `u`, by local name. */
  readonly marks: Readonly<Record<string, string>>;
}

const ASKED =
  '<D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/><D:lockdiscovery/><a xmlns="u"/><b xmlns="u"/></D:prop></D:propfind>';

/** The members of a directory below `/dav/local/`. */
export async function members(world: CrashWorld, directory: string): Promise<Map<string, Shown>> {
  const reply = expectStatus(await world.dav("PROPFIND", `${directory}/`, { depth: "1" }, ASKED), 207);
  const [, ...responses] = readMultistatus(reply.body.toString());
  return new Map(responses.map((response) => [nameOf(response), shown(response)]));
}

/** The body of a PROPPATCH that sets both properties. */
export function markBoth(value: string): string {
  const both = `<a xmlns="u">${value}</a><b xmlns="u">${value}</b>`;
  return `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>${both}</D:prop></D:set></D:propertyupdate>`;
}

function nameOf({ href }: DavResponse): string {
  return decodeURIComponent(href.replace(/\/$/, "").split("/").at(-1) ?? "");
}

function shown({ propstats }: DavResponse): Shown {
  const found = propstats[OK] ?? {};
  const marks = Object.entries(found).flatMap(([name, value]) =>
    name.startsWith("{u}") ? [[name.slice(3), value] as const] : [],
  );
  return {
    isDirectory: (found["{DAV:}resourcetype"] ?? "") !== "",
    tokens: (found["{DAV:}lockdiscovery"] ?? "").match(/urn:uuid:[0-9a-f-]{36}/g) ?? [],
    marks: Object.fromEntries(marks),
  };
}
