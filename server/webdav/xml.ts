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

/** An element of a parsed body. */
export interface XmlElement {
  /** Namespace; `""` for none. */
  readonly namespace: string;
  /** Local name. */
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** Name with its prefix, as it was written. */
  readonly written: string;
  readonly attributes: readonly sax.QualifiedAttribute[];
  /** Texts and elements in their order; comments and processing instructions are left out. */
  readonly content: readonly (string | XmlElement)[];
  /** Namespaces in scope by prefix; the default one under `""`. */
  readonly scope: Readonly<Record<string, string>>;
  /** `xml:lang` in scope (RFC 4918 §4.3). */
  readonly language: string | undefined;
}

/** The text directly inside an element. */
export function textOf({ content }: XmlElement): string {
  return content.filter((part) => typeof part === "string").join("");
}

/**
 * The element as XML that means the same anywhere: prefixes stay as they were written (RFC 4918 §4.3), and all of them that are used in it
 * are declared in it, as is its language.
 */
export function toXml(element: XmlElement): string {
  const own = new Set(element.attributes.map(({ name }) => name));
  let more = "";
  for (const prefix of prefixesIn(element)) {
    const name = prefix === "" ? "xmlns" : `xmlns:${prefix}`;
    const namespace = element.scope[prefix];
    if (namespace && !own.has(name)) more += ` ${name}="${escapeAttribute(namespace)}"`;
  }
  if (element.language !== undefined && !own.has("xml:lang"))
    more += ` xml:lang="${escapeAttribute(element.language)}"`;
  return written(element, more);
}

function written({ written: name, attributes, content }: XmlElement, more: string): string {
  const own = attributes.map((attribute) => ` ${attribute.name}="${escapeAttribute(attribute.value)}"`).join("");
  if (content.length === 0) return `<${name}${own}${more}/>`;
  const inner = content.map((part) => (typeof part === "string" ? escapeXml(part) : written(part, "")));
  return `<${name}${own}${more}>${inner.join("")}</${name}>`;
}

function prefixesIn(element: XmlElement, found = new Set<string>()): ReadonlySet<string> {
  found.add(prefixOf(element.written));
  for (const { name, prefix } of element.attributes) {
    if (prefix !== "xmlns" && prefix !== "xml" && name.includes(":")) found.add(prefix);
  }
  for (const child of element.children) prefixesIn(child, found);
  return found;
}

function prefixOf(name: string): string {
  return name.slice(0, Math.max(0, name.indexOf(":")));
}

/** Line ends and tabs in attributes become spaces unless they are written as references (XML 1.0 §3.3.3). */
function escapeAttribute(text: string): string {
  return escapeXml(text).replace(/[\t\n]/g, (character) => `&#${character.charCodeAt(0)};`);
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
  const open: (XmlElement & { children: XmlElement[]; content: (string | XmlElement)[] })[] = [];
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
    const { uri, local, name, ns } = tag as sax.QualifiedTag;
    const attributes = Object.values((tag as sax.QualifiedTag).attributes);
    for (const attribute of attributes) {
      if (attribute.prefix === "xmlns" && attribute.local !== "" && attribute.value === "") {
        throw new HttpError(400, "the request body binds a prefix to no namespace");
      }
    }
    const parent = open.at(-1);
    const element = {
      namespace: uri,
      name: local,
      children: [],
      written: name,
      attributes,
      content: [],
      scope: ns,
      language: attributes.find((attribute) => attribute.name === "xml:lang")?.value ?? parent?.language,
    };
    parent?.children.push(element);
    parent?.content.push(element);
    root ??= element;
    open.push(element);
  };
  const addText = (part: string) => void open.at(-1)?.content.push(part);
  parser.ontext = addText;
  parser.oncdata = addText;
  parser.onclosetag = () => {
    open.pop();
  };
  parser.write(text.startsWith(BOM) ? text.slice(1) : text).close();
  if (!root) throw new HttpError(400, "the request body holds no element");
  return root;
}
