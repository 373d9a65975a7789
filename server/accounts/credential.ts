/** Changes of a credential that come from two sides at once. */
import { isDeepStrictEqual } from "node:util";

type Fields = Readonly<Record<string, unknown>>;

/**
 * What a renewal makes of the credential as it is now: a field that the renewal changed is the renewed one,
 * any other stays as it is, for a cookie may have rotated meanwhile.
 */
export function mergeRenewed(before: unknown, renewed: unknown, now: unknown): unknown {
  if (!isFields(before) || !isFields(renewed) || !isFields(now)) return renewed;
  const merged: Record<string, unknown> = { ...now };
  for (const name of new Set([...Object.keys(before), ...Object.keys(renewed)])) {
    if (isDeepStrictEqual(before[name], renewed[name])) continue;
    if (renewed[name] === undefined) delete merged[name];
    else merged[name] = renewed[name];
  }
  return merged;
}

/** The credential with the fields of `patch`; the very same object where that changes nothing. */
export function withPatch(credential: unknown, patch: Fields): unknown {
  const before = isFields(credential) ? credential : {};
  const changes = Object.entries(patch).filter(([name, value]) => !isDeepStrictEqual(before[name], value));
  return changes.length === 0 ? credential : { ...before, ...Object.fromEntries(changes) };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
