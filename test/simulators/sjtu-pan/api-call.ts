/** A call of the file plane whose token, library and space have been checked (sjtu-pan.md §12.2). */
import type { Call } from "./call.ts";
import { ServiceError } from "./errors.ts";
import { checkNewPath, splitPath } from "./names.ts";
import { accountOfAccessToken } from "./tokens.ts";
import type { DirectoryNode } from "./tree.ts";
import { isDirectory, isFile } from "./tree.ts";
import type { SimReply } from "./wire.ts";
import type { Account, Space, Strategy, World } from "./world.ts";

/** What every call may carry (sjtu-pan.md §1.2). */
const COMMON_QUERY = ["access_token", "user_id", "space_org_id"];

export interface ApiRoute {
  readonly name: string;
  /** Parameters beside the common ones. */
  readonly query: readonly string[];
  run(api: ApiCall): SimReply;
}

export interface ApiCall {
  readonly call: Call;
  readonly world: World;
  readonly account: Account;
  readonly space: Space;
  /** What follows library and space, decoded and split. */
  readonly path: readonly string[];
}

export interface ApiAddress {
  /** `directory`, `file`, … */
  readonly kind: string;
  readonly library: string;
  readonly space: string;
  /** As on the wire, without the slash before it. */
  readonly rest: string;
}

/** Takes an address apart, or undefined where it has not the form of a call. */
export function parseApiPath(rawPath: string): ApiAddress | undefined {
  const match = /^\/api\/v1\/([^/]+)\/([^/]*)\/([^/]*)(?:\/(.*))?$/s.exec(rawPath);
  return match ? { kind: match[1]!, library: match[2]!, space: match[3]!, rest: match[4] ?? "" } : undefined;
}

/** Checks in the order of the facts: token, library and space, then parameters. */
export function openApiCall(call: Call, address: ApiAddress, query: readonly string[]): ApiCall {
  const { world } = call;
  const account = accountOfAccessToken(call);
  const space = spaceFor(world, account, address);
  call.expectQuery([...COMMON_QUERY, ...query]);
  return { call, world, account, space, path: decodePath(call, address.rest) };
}

/** The strategy of a call's query. Throws `InvalidConflictResolutionStrategy`. */
export function strategyOf(api: ApiCall, fallback: Strategy, allowed: readonly Strategy[] = ANY): Strategy {
  return checkStrategy(api.call, api.call.request.query.get("conflict_resolution_strategy") ?? fallback, allowed);
}

const ANY: readonly Strategy[] = ["ask", "rename", "overwrite"];

/** One of the allowed strategies, or a refusal. */
export function checkStrategy(call: Call, value: unknown, allowed: readonly Strategy[] = ANY): Strategy {
  const strategy = allowed.find((one) => one === value);
  if (strategy) return strategy;
  call.violate("query", `the conflict strategy ${String(value)} is not allowed here`);
  throw new ServiceError("InvalidConflictResolutionStrategy");
}

/** The directory that something new goes into. Throws `DirectoryNotFound`, 409 where a file stands in the way. */
export function parentOf(space: Space, path: readonly string[]): DirectoryNode {
  for (let i = 1; i < path.length; i++) {
    if (isFile(space.tree.find(path.slice(0, i)))) throw new ServiceError("SameNameDirectoryOrFileExists");
  }
  const parent = space.tree.find(path.slice(0, -1));
  if (!isDirectory(parent)) throw new ServiceError("DirectoryNotFound");
  return parent;
}

/** Refuses names that the service does not take (sjtu-pan.md §7). */
export function checkNames(api: ApiCall, path: readonly string[], kind: "file" | "directory"): void {
  checkNewPath(path, kind, api.world.knobs.lenientNames);
}

/** An optional whole number of the query. */
export function numberOf(api: ApiCall, name: string): number | undefined {
  const text = api.call.request.query.get(name);
  if (text === undefined) return undefined;
  if (!/^\d{1,16}$/.test(text)) return api.call.refuse("query", `${name} is not a whole number`);
  return Number(text);
}

/** Refuses a parameter that is none of the values. */
export function expectOneOf(api: ApiCall, name: string, values: readonly string[]): void {
  const value = api.call.request.query.get(name);
  if (value !== undefined && !values.includes(value))
    api.call.refuse("query", `${name} is none of ${values.join(", ")}`);
}

/** Paths in bodies are plain text with or without a leading slash (sjtu-pan.md §7). */
export function bodyPath(call: Call, value: unknown, member: string): string[] {
  if (typeof value !== "string") return call.refuse("body", `${member} is not text`);
  return splitPath(value);
}

function spaceFor(world: World, account: Account, address: ApiAddress): Space {
  if (address.library !== world.libraryId) throw new ServiceError("LibraryNotFound");
  if (address.space === account.space.id) return account.space;
  const exists = world.accounts.some(({ space }) => space.id === address.space);
  throw new ServiceError(exists ? "AccessTokenNotMatchSpace" : "SpaceNotFound");
}

function decodePath(call: Call, rest: string): string[] {
  if (/%2f/i.test(rest)) call.violate("encoding", "separators are encoded with the path (sjtu-pan.md §7)");
  if (/[+&=]/.test(rest)) call.violate("encoding", "one of + & = stands in a path unencoded (sjtu-pan.md §7)");
  let path: string[];
  try {
    path = splitPath(decodeURIComponent(rest));
  } catch {
    return call.refuse("encoding", "the path is not UTF-8 in percent encoding");
  }
  if (path.includes(".") || path.includes("..")) call.violate("path", "a path has a segment . or ..");
  return path;
}
