/** XML in and out: escaping, and parsing within limits. */
import sax from "sax";
import { HttpError } from "#server/http/errors.ts";

/** Names that mean the same in an XML text and in a URL path: most names, tested once. */
const PLAIN = /^[A-Za-z0-9_.~!*()-]*$/;
/** What XML text must not hold as it is: markup, what XML 1.0 §2.2 forbids, and CR, which parsers change. */
const SPECIAL =
  /[&<>"\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
/** The same without lone surrogates, which need a look around: most texts pass by it. */
const MARKUP = /[&<>"\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const NOT_ASCII = /[^\u0000-\u007f]/;
const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\r": "&#13;",
};

/** True for texts that need neither escaping in XML nor in a URL. */
export function isPlain(text: string): boolean {
  return PLAIN.test(text);
}

/** The text as XML character data or attribute value. Characters that XML 1.0 cannot carry are dropped: one bad name must not break a listing. */
export function escapeXml(text: string): string {
  if (!MARKUP.test(text) && text.isWellFormed()) return text;
  return text.replace(SPECIAL, (character) => ESCAPES[character] ?? "");
}

/**
 * The text's UTF-8 with one UTF-16 unit per byte. Multistatuses are put together from such texts and written as latin1: one Chinese name would
 * otherwise make a whole piece two-byte, which costs more than all else.
 */
export function toByteText(text: string): string {
  return NOT_ASCII.test(text) ? Buffer.from(text).toString("latin1") : text;
}

/** An element of a parsed body; text and attributes are of no use to the methods here. */
export interface XmlElement {
  /** Namespace; `""` for none. */
  readonly namespace: string;
  /** Local name. */
  readonly name: string;
  readonly children: readonly XmlElement[];
}

const MAX_DEPTH = 32;
const MAX_ELEMENTS = 5000;
const BOM = "\ufeff";

/** The text of an XML body: UTF-8, or UTF-16 by its byte order mark. Throws HttpError 400 for any other encoding. */
export function decodeXml(body: Uint8Array): string {
  const utf16 =
    body[0] === 0xff && body[1] === 0xfe ? "utf-16le" : body[0] === 0xfe && body[1] === 0xff ? "utf-16be" : undefined;
  try {
    const text = new TextDecoder(utf16 ?? "utf-8", { fatal: true }).decode(body);
    const declared = /^<\?xml[^>]*\sencoding\s*=\s*["']([^"']*)/.exec(text)?.[1];
    if (declared === undefined || utf16 || /^(?:utf-?8|us-ascii)$/i.test(declared)) return text;
  } catch {
    // Falls through to the one refusal below.
  }
  throw new HttpError(400, "the request body is not UTF-8");
}

/**
 * The root element of an XML text. Throws HttpError 400 when it is not well-formed with namespaces, holds a DOCTYPE, or nests or counts
 * past the limits of webdav.md §5 (32 levels, 5,000 elements).
 */
export function parseXml(text: string): XmlElement {
  const parser = sax.parser(true, { xmlns: true });
  const open: { namespace: string; name: string; children: XmlElement[] }[] = [];
  let root: XmlElement | undefined;
  let count = 0;
  parser.onerror = (error) => {
    throw new HttpError(400, `the request body is not XML: ${error.message.split("\n", 1)[0]}`);
  };
  parser.ondoctype = () => {
    throw new HttpError(400, "the request body holds a DOCTYPE");
  };
  parser.onopentag = (tag) => {
    if (++count > MAX_ELEMENTS || open.length >= MAX_DEPTH) throw new HttpError(400, "the request body is too complex");
    const { uri, local, attributes } = tag as sax.QualifiedTag;
    for (const attribute of Object.values(attributes)) {
      if (attribute.prefix === "xmlns" && attribute.local !== "" && attribute.value === "") {
        throw new HttpError(400, "the request body binds a prefix to no namespace");
      }
    }
    const element = { namespace: uri, name: local, children: [] };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  };
  parser.onclosetag = () => {
    open.pop();
  };
  parser.write(text.startsWith(BOM) ? text.slice(1) : text).close();
  if (!root) throw new HttpError(400, "the request body holds no element");
  return root;
}
