/** What a PROPPATCH body asks for (RFC 4918 §9.2, §14.19), and which of it this server lets clients change. */
import { HttpError } from "#server/http/errors.ts";
import { parseHttpDate } from "#server/http/http-date.ts";
import type { PropertyChange, PropertyName } from "#server/vfs/properties/dead-properties.ts";
import { DAV, MICROSOFT, propertyOf } from "./props.ts";
import { decodeXml, parseXml, textOf, toXml, type XmlElement } from "./xml.ts";

/** One instruction, and what it comes to: another time, a change of what is kept, or a refusal. */
export interface Instruction {
  readonly property: PropertyName;
  readonly meaning:
    | { readonly modifiedAt: number }
    | { readonly change: PropertyChange }
    | { readonly refused: 403 | 409 };
}

/** Properties of DAV: that clients may keep as they like; all others of it are the server's (RFC 4918 §15). */
const KEPT_OF_DAV = new Set(["displayname", "getcontentlanguage"]);

/** Properties that set the file's time (webdav.md §5), and how they write it. */
const TIMES: Readonly<Record<string, (text: string) => number | undefined>> = {
  [`${DAV} getlastmodified`]: parseHttpDate,
  [`${DAV} lastmodified`]: parseUnixSeconds,
  [`${MICROSOFT} Win32LastModifiedTime`]: parseHttpDate,
};

/** The instructions in document order. Throws HttpError 400 for what is no propertyupdate, or one without any instruction. */
export function parsePropertyUpdate(body: Buffer): readonly Instruction[] {
  const root = body.length === 0 ? undefined : parseXml(decodeXml(body));
  if (root?.namespace !== DAV || root.name !== "propertyupdate") {
    throw new HttpError(400, "the request body is no propertyupdate");
  }
  const instructions = root.children.flatMap((part) => {
    if (part.namespace !== DAV || (part.name !== "set" && part.name !== "remove")) return [];
    const props = part.children.filter(({ namespace, name }) => namespace === DAV && name === "prop");
    const isSet = part.name === "set";
    return props.flatMap((prop) => prop.children.map((element) => instructionOf(element, isSet)));
  });
  if (instructions.length === 0) throw new HttpError(400, "the propertyupdate names no property (RFC 4918 §14.19)");
  return instructions;
}

function instructionOf(element: XmlElement, isSet: boolean): Instruction {
  const { namespace, name } = element;
  const property = { namespace, name };
  const key = `${namespace} ${name}`;
  const parseTime = Object.hasOwn(TIMES, key) ? TIMES[key] : undefined;
  if (isSet && parseTime) {
    const modifiedAt = parseTime(textOf(element).trim());
    return { property, meaning: modifiedAt === undefined ? { refused: 409 } : { modifiedAt } };
  }
  if (isProtected(property)) return { property, meaning: { refused: 403 } };
  const change = isSet ? { set: { ...property, xml: toXml(element) } } : { remove: property };
  return { property, meaning: { change } };
}

function isProtected({ namespace, name }: PropertyName): boolean {
  if (namespace === DAV) return !KEPT_OF_DAV.has(name);
  return propertyOf(namespace, name) !== undefined;
}

/** rclone's `lastmodified`; milliseconds come out. */
function parseUnixSeconds(text: string): number | undefined {
  return /^-?\d{1,12}(?:\.\d+)?$/.test(text) ? Math.round(Number(text) * 1000) : undefined;
}
