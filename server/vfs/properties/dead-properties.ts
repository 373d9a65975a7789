/** Dead properties of one resource (RFC 4918 §4): what clients keep with files, and the limits of it. */
import { StorageError } from "#drivers/contract/errors.ts";

/** Most properties of one resource, and their bytes of UTF-8 in all (webdav.md §5). */
const MAX_PROPERTIES = 100;
const MAX_BYTES = 64 * 1024;

/** The name of a property: `namespace` is `""` for none. */
export interface PropertyName {
  readonly namespace: string;
  /** Local name. */
  readonly name: string;
}

export interface DeadProperty extends PropertyName {
  /** The whole element as XML that means the same anywhere: every prefix in it is declared in it. */
  readonly xml: string;
}

/** One instruction of a change: set to an element, or removed. */
export type PropertyChange = { readonly set: DeadProperty } | { readonly remove: PropertyName };

/** The change at `index` is one property or byte too many. */
export class PropertyLimitError extends StorageError {
  readonly index: number;

  constructor(index: number) {
    super(
      "quota-exceeded",
      `a file or directory keeps up to ${MAX_PROPERTIES} properties of ${MAX_BYTES} bytes in all`,
    );
    this.index = index;
  }
}

/**
 * The properties after all changes in their order; removing one that is not there changes nothing (RFC 4918 §14.23).
 * Throws PropertyLimitError when a change leads past the limits.
 */
export function changedProperties(
  before: readonly DeadProperty[],
  changes: readonly PropertyChange[],
): readonly DeadProperty[] {
  const properties = new Map(before.map((property) => [keyOf(property), property]));
  for (const [index, change] of changes.entries()) {
    if ("remove" in change) {
      properties.delete(keyOf(change.remove));
      continue;
    }
    properties.set(keyOf(change.set), change.set);
    if (properties.size > MAX_PROPERTIES || bytesOf(properties.values()) > MAX_BYTES)
      throw new PropertyLimitError(index);
  }
  return [...properties.values()];
}

/** Equal for names that are the same; XML names hold no space. */
function keyOf({ namespace, name }: PropertyName): string {
  return `${name} ${namespace}`;
}

function bytesOf(properties: Iterable<DeadProperty>): number {
  let bytes = 0;
  for (const { xml } of properties) bytes += Buffer.byteLength(xml);
  return bytes;
}

/** The properties as text for the database; null for none. */
export function propertiesToText(properties: readonly DeadProperty[] | undefined): string | null {
  if (!properties || properties.length === 0) return null;
  return JSON.stringify(properties.map(({ namespace, name, xml }) => [namespace, name, xml]));
}

/** The other way round. */
export function propertiesFromText(text: string | null): readonly DeadProperty[] | undefined {
  if (text === null) return undefined;
  const triples = JSON.parse(text) as readonly (readonly [string, string, string])[];
  return triples.map(([namespace, name, xml]) => ({ namespace, name, xml }));
}
