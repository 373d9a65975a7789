/** From a PROPFIND body to a compiled set of emitters; clients send the same few bodies for ever, so both steps are remembered. */
import { LRUCache } from "lru-cache";
import { HttpError } from "#server/http/errors.ts";
import type { Resource } from "#server/vfs/resource.ts";
import { DAV, type Emitter, emptyElement, MICROSOFT, PROPERTIES, type PropertyFacts, propertyOf } from "./props.ts";
import { decodeXml, parseXml, toByteText, type XmlElement } from "./xml.ts";

/** What a PROPFIND asks for, ready to be written. */
export interface PropertySet {
  /** Equal keys mean equal answers. */
  readonly key: string;
  /** The propstats of one resource as byte text (`toByteText`). `self` is the resource that the request names. */
  propstats(resource: Resource, facts: PropertyFacts, self: boolean): string;
  readonly needsCapabilities: boolean;
  readonly needsLocks: boolean;
  /** Whether the resource that the request names needs `usage`: `depth0` for allprop, which shows quota there alone. */
  readonly needsUsage: "never" | "depth0" | "always";
}

/** Longest body that is remembered, in bytes. */
const MAX_KNOWN_BYTES = 8 * 1024;
const MAX_KNOWN = 200;

const known = new LRUCache<string, PropertySet>({ max: MAX_KNOWN });

/** The set that a PROPFIND body asks for; an empty body means allprop (RFC 4918 §9.1). Throws HttpError 400. */
export function parsePropertySet(body: Buffer): PropertySet {
  if (body.length === 0) return ALLPROP;
  if (body.length > MAX_KNOWN_BYTES) return compile(parseXml(decodeXml(body)));
  const text = body.toString("latin1");
  let set = known.get(text);
  if (!set) {
    set = compile(parseXml(decodeXml(body)));
    known.set(text, set);
  }
  return set;
}

/** The opening of a 200 propstat's list; the status line after it is compared as a string by Kodi (webdav.md §5). */
const FOUND_OPEN = "<D:propstat><D:prop>";
const FOUND_CLOSE = "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>";
const MISSING_CLOSE = "</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>";

const ALLPROP = allprop([]);
const PROPNAME = propname();

function compile(root: XmlElement): PropertySet {
  if (root.namespace !== DAV || root.name !== "propfind") throw new HttpError(400, "the request body is no propfind");
  const has = (name: string) => root.children.find((child) => child.namespace === DAV && child.name === name);
  const prop = has("prop");
  if (prop) return named(prop.children);
  if (has("propname")) return PROPNAME;
  if (has("allprop")) return allprop(has("include")?.children ?? []);
  throw new HttpError(400, "the propfind holds none of prop, propname and allprop (RFC 4918 §14.20)");
}

function named(elements: readonly XmlElement[]): PropertySet {
  const wanted = unique(elements);
  const emitters: { readonly emit: Emitter; readonly missing: string }[] = [];
  const others: { readonly namespace: string; readonly name: string; readonly missing: string }[] = [];
  for (const { namespace, name } of wanted) {
    const missing = emptyElement(namespace, name);
    const property = propertyOf(namespace, name);
    if (property) emitters.push({ emit: property.emit, missing });
    else others.push({ namespace, name, missing });
  }
  const unknown = others.map(({ missing }) => missing).join("");
  const needs = wanted.map(({ namespace, name }) => propertyOf(namespace, name)?.needs);
  return {
    key: JSON.stringify(wanted.map(({ namespace, name }) => [namespace, name])),
    needsCapabilities: needs.includes("capabilities"),
    needsLocks: needs.includes("locks"),
    needsUsage: needs.includes("usage") ? "always" : "never",
    propstats(resource, facts) {
      let found = "";
      let missing = "";
      const dead = others.length === 0 ? undefined : resource.properties;
      if (!dead) missing = unknown;
      else {
        for (const other of others) {
          const property = dead.find(({ namespace, name }) => name === other.name && namespace === other.namespace);
          if (property) found += toByteText(property.xml);
          else missing += other.missing;
        }
      }
      for (const emitter of emitters) {
        const element = emitter.emit(resource, facts);
        if (element === "") missing += emitter.missing;
        else found += element;
      }
      // No empty propstat; but a response needs one (RFC 4918 §14.24), so a set of nothing gets an empty list.
      if (missing === "") return FOUND_OPEN + found + FOUND_CLOSE;
      if (found === "") return FOUND_OPEN + missing + MISSING_CLOSE;
      return FOUND_OPEN + found + FOUND_CLOSE + FOUND_OPEN + missing + MISSING_CLOSE;
    },
  };
}

function allprop(include: readonly XmlElement[]): PropertySet {
  const always = PROPERTIES.filter(({ inAllprop }) => inAllprop === "always").map(({ emit }) => emit);
  const self = PROPERTIES.filter(({ inAllprop }) => inAllprop === "self").map(({ emit }) => emit);
  const extra = unique(include).flatMap(({ namespace, name }) => propertyOf(namespace, name) ?? []);
  const more = extra.filter(({ inAllprop }) => inAllprop === "named").map(({ emit }) => emit);
  const list = [...always, ...more];
  const named = new Set(unique(include).map(({ namespace, name }) => `${namespace} ${name}`));
  return {
    key: `allprop ${JSON.stringify(unique(include).map(({ namespace, name }) => [namespace, name]))}`,
    needsCapabilities: extra.some(({ needs }) => needs === "capabilities"),
    needsLocks: extra.some(({ needs }) => needs === "locks"),
    needsUsage: "depth0",
    propstats(resource, facts, isSelf) {
      let found = FOUND_OPEN;
      for (const emit of list) found += emit(resource, facts);
      if (isSelf) for (const emit of self) found += emit(resource, facts);
      for (const { namespace, name, xml } of resource.properties ?? []) {
        // What Windows keeps is long and of use to nobody else (webdav.md §6).
        const isShown = namespace !== MICROSOFT || named.has(`${namespace} ${name}`);
        if (isShown && !propertyOf(namespace, name)) found += toByteText(xml);
      }
      return found + FOUND_CLOSE;
    },
  };
}

function propname(): PropertySet {
  const listed = PROPERTIES.filter(({ needs }) => needs === undefined || needs === "locks");
  return {
    key: "propname",
    needsCapabilities: false,
    needsLocks: false,
    needsUsage: "never",
    propstats(resource, facts) {
      let names = FOUND_OPEN;
      for (const { namespace, name, emit } of listed) {
        if (emit(resource, facts) !== "") names += emptyElement(namespace, name);
      }
      for (const { namespace, name } of resource.properties ?? []) {
        if (!propertyOf(namespace, name)) names += emptyElement(namespace, name);
      }
      return names + FOUND_CLOSE;
    },
  };
}

function unique(elements: readonly XmlElement[]): readonly XmlElement[] {
  const seen = new Map<string, XmlElement>();
  for (const element of elements) seen.set(`${element.namespace} ${element.name}`, element);
  return [...seen.values()];
}
