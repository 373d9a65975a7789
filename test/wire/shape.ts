/** The shape of a JSON value: keys and types, no values. */

/** A JSON type, a list of one shape (`[]`: recorded empty), or an object's keys. `null`: recorded as null, so that its type is not known. */
export type Shape = string | readonly [Shape] | readonly [] | { readonly [key: string]: Shape };

/** What stands for rows and keys that a recording left out. */
const LEFT_OUT = "…";

/** The shape of a recorded value; the first element of a list stands for all. */
export function shapeOf(value: unknown): Shape {
  if (Array.isArray(value)) {
    const [first] = value.filter((one) => !isLeftOut(one));
    return first === undefined ? [] : [shapeOf(first)];
  }
  if (typeof value !== "object" || value === null) return typeOf(value);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== LEFT_OUT)
      .map(([key, below]) => [key, shapeOf(below)]),
  );
}

/** How a value differs from a recorded shape, one line each. More keys are no difference, and null and `[]` are the same list. */
export function differences(value: unknown, shape: Shape, at = "data"): string[] {
  if (shape === "null") return [];
  if (typeof shape === "string") return typeOf(value) === shape ? [] : [`${at} is ${typeOf(value)}, not ${shape}`];
  if (isList(shape)) {
    if (value !== null && !Array.isArray(value)) return [`${at} is ${typeOf(value)}, not array`];
    const [element] = shape;
    if (element === undefined) return [];
    const [first] = value ?? [];
    return first === undefined ? [`${at} is empty`] : differences(first, element, `${at}[]`);
  }
  if (typeOf(value) !== "object") return [`${at} is ${typeOf(value)}, not object`];
  return Object.entries(shape).flatMap(([key, below]) => {
    const found = (value as Record<string, unknown>)[key];
    return found === undefined ? [`${at}.${key} is missing`] : differences(found, below, `${at}.${key}`);
  });
}

function isList(shape: Shape): shape is readonly [Shape] | readonly [] {
  return Array.isArray(shape);
}

function isLeftOut(value: unknown): boolean {
  return typeof value === "object" && value !== null && LEFT_OUT in value;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
