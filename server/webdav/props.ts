/** The properties of resources (webdav.md §6), and the sets of them that a PROPFIND asks for. */
import type { Usage } from "#drivers/contract/mount.ts";
import type { Capabilities } from "#drivers/contract/traits.ts";
import { contentTypeOf } from "#server/http/content-type.ts";
import { formatHttpDate, formatIsoDate } from "#server/http/http-date.ts";
import type { Resource } from "#server/vfs/resource.ts";
import { SUPPORTED_LOCK } from "./lock-xml.ts";
import { escapeXml, isPlain, toByteText } from "./xml.ts";

export const DAV = "DAV:";
export const OWNCLOUD = "http://owncloud.org/ns";
export const MICROSOFT = "urn:schemas-microsoft-com:";

/** What properties need to know beside the resource. */
export interface PropertyFacts {
  /** Of the mount that holds the resource; asked for only by sets that need it. */
  readonly capabilities?: Capabilities | undefined;
  /** Of the resource itself, where the set asks for quota and the storage tells. */
  readonly usage?: Usage | undefined;
  /** The `lockdiscovery` element of a resource; asked for only by sets that need it, absent where nothing at all is locked. */
  readonly lockDiscovery?: ((resource: Resource) => string) | undefined;
}

/** The whole element of a property as byte text (`toByteText`), or `""` where the resource has no such property. */
export type Emitter = (resource: Resource, facts: PropertyFacts) => string;

/** Quotes are legal in XML text. */
const SAFE_ETAG = /^"[\w+/=.:-]*"$/;

interface Property {
  readonly namespace: string;
  readonly name: string;
  readonly emit: Emitter;
  /** `always`; `self`: only of the resource that a Depth 0 request names; `named`: only when it is asked for by name. */
  readonly inAllprop: "always" | "self" | "named";
  /** What the emitter reads of the facts. */
  readonly needs?: "capabilities" | "usage" | "locks";
}

/** Every property that is computed, in the order in which it is written. */
export const PROPERTIES: readonly Property[] = [
  dav("resourcetype", "always", (r) =>
    r.kind === "directory" ? "<D:resourcetype><D:collection/></D:resourcetype>" : "<D:resourcetype/>",
  ),
  dav("displayname", "always", (r) => {
    const { name, properties } = r;
    const given = properties?.find((property) => property.namespace === DAV && property.name === "displayname");
    if (given) return toByteText(given.xml);
    if (name === "") return "";
    return `<D:displayname>${isPlain(name) ? name : toByteText(escapeXml(name))}</D:displayname>`;
  }),
  dav("getcontentlength", "always", (r) =>
    r.kind === "file" && r.size !== undefined ? `<D:getcontentlength>${r.size}</D:getcontentlength>` : "",
  ),
  dav("getcontenttype", "always", (r) =>
    r.kind === "file" ? `<D:getcontenttype>${contentTypeOf(r.name)}</D:getcontenttype>` : "",
  ),
  dav("getlastmodified", "always", (r) => {
    const time = r.modifiedAt ?? r.createdAt;
    return time === undefined ? "" : `<D:getlastmodified>${formatHttpDate(time)}</D:getlastmodified>`;
  }),
  dav("creationdate", "always", (r) => {
    const time = r.createdAt ?? r.modifiedAt;
    return time === undefined ? "" : `<D:creationdate>${formatIsoDate(time)}</D:creationdate>`;
  }),
  dav("getetag", "always", (r) => {
    const { etag } = r;
    return etag === undefined
      ? ""
      : `<D:getetag>${SAFE_ETAG.test(etag) ? etag : toByteText(escapeXml(etag))}</D:getetag>`;
  }),
  {
    ...dav("quota-available-bytes", "self", (r, { usage }) =>
      r.kind === "directory" && usage?.total !== undefined && usage.used !== undefined
        ? `<D:quota-available-bytes>${Math.max(0, usage.total - usage.used)}</D:quota-available-bytes>`
        : "",
    ),
    needs: "usage",
  },
  {
    ...dav("quota-used-bytes", "self", (r, { usage }) =>
      r.kind === "directory" && usage?.used !== undefined
        ? `<D:quota-used-bytes>${usage.used}</D:quota-used-bytes>`
        : "",
    ),
    needs: "usage",
  },
  // Both are long: clients that want them name them. What belongs to no storage takes no locks.
  dav("supportedlock", "named", (r) => (r.key === 0 ? "<D:supportedlock/>" : SUPPORTED_LOCK)),
  {
    ...dav("lockdiscovery", "named", (r, { lockDiscovery }) => lockDiscovery?.(r) ?? "<D:lockdiscovery/>"),
    needs: "locks",
  },
  dav("lastmodified", "named", (r) => {
    const time = r.modifiedAt ?? r.createdAt;
    return time === undefined ? "" : `<D:lastmodified>${Math.floor(time / 1000)}</D:lastmodified>`;
  }),
  {
    namespace: MICROSOFT,
    name: "Win32LastModifiedTime",
    inAllprop: "named",
    emit(r) {
      const time = r.modifiedAt ?? r.createdAt;
      const text = time === undefined ? "" : formatHttpDate(time);
      return text && `<Win32LastModifiedTime xmlns="${MICROSOFT}">${text}</Win32LastModifiedTime>`;
    },
  },
  dav("iscollection", "named", (r) => `<D:iscollection>${r.kind === "directory" ? 1 : 0}</D:iscollection>`),
  owncloud("checksums", checksums),
  owncloud("id", (r) => (r.key === 0 ? "" : `<oc:id>${String(r.key).padStart(8, "0")}</oc:id>`)),
  owncloud("fileid", (r) => (r.key === 0 ? "" : `<oc:fileid>${r.key}</oc:fileid>`)),
  owncloud("size", (r) => (r.kind === "file" && r.size !== undefined ? `<oc:size>${r.size}</oc:size>` : "")),
  { ...owncloud("permissions", permissions), needs: "capabilities" },
];

/** A computed property by namespace and local name. */
export function propertyOf(namespace: string, name: string): Property | undefined {
  return BY_NAME.get(`${namespace} ${name}`);
}

/** The empty element of a property name as byte text, for 404 propstats and `propname`. The prefixes `D` and `oc` are declared at the root. */
export function emptyElement(namespace: string, name: string): string {
  if (namespace === DAV) return toByteText(`<D:${name}/>`);
  if (namespace === OWNCLOUD) return toByteText(`<oc:${name}/>`);
  return toByteText(`<${name} xmlns="${escapeXml(namespace)}"/>`);
}

function dav(name: string, inAllprop: Property["inAllprop"], emit: Emitter): Property {
  return { namespace: DAV, name, inAllprop, emit };
}

function owncloud(name: string, emit: Emitter): Property {
  return { namespace: OWNCLOUD, name, inAllprop: "named", emit };
}

/** ownCloud's checksums: one element, `SHA1:hex MD5:hex`; rclone reads no other form (webdav.md §6). */
function checksums({ hashes }: Resource): string {
  if (!hashes) return "";
  const parts: string[] = [];
  if (hashes.sha1) parts.push(`SHA1:${hashes.sha1}`);
  if (hashes.md5) parts.push(`MD5:${hashes.md5}`);
  if (hashes.sha256) parts.push(`SHA256:${hashes.sha256}`);
  return parts.length === 0 ? "" : `<oc:checksums><oc:checksum>${parts.join(" ")}</oc:checksum></oc:checksums>`;
}

/** ownCloud's letters: D delete, N rename, V move, W write, C and K create files and folders, M mounted (webdav.md §6). */
function permissions(resource: Resource, { capabilities }: PropertyFacts): string {
  let letters = resource.isMountPoint ? "M" : "";
  if (capabilities && !resource.isMountPoint) {
    if (capabilities.remove) letters += "D";
    if (capabilities.move) letters += "NV";
  }
  if (capabilities?.upload) letters += resource.kind === "file" ? "W" : "C";
  if (capabilities?.createDirectory && resource.kind === "directory") letters += "K";
  return `<oc:permissions>${letters}</oc:permissions>`;
}

const BY_NAME = new Map(PROPERTIES.map((property) => [`${property.namespace} ${property.name}`, property]));
