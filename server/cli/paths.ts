/** Which path of the server a path on the command line means (architecture.md §9, CLI). */
import { joinPath } from "#drivers/contract/path.ts";
import { UsageError } from "../config.ts";
import type { Client } from "./client.ts";
import { type MountsReply, mounts } from "./wire.ts";

/** Asked once per command. */
const known = new WeakMap<Client, Promise<MountsReply>>();

/** The mounts that the caller sees, and the one in use. Throws Refused. */
export function mountsOf(client: Client): Promise<MountsReply> {
  const asked = known.get(client) ?? client.call({ method: "GET", path: "/api/pandav/mounts" }, mounts);
  known.set(client, asked);
  return asked;
}

/**
 * The absolute path: of a mount where the first segment is one, else inside the mount in use; `/`, `.` and nothing are its root.
 * Throws UsageError where several mounts could be meant and none is chosen; Refused.
 */
export async function resolvePath(client: Client, text: string): Promise<string> {
  return resolveAmong(await mountsOf(client), text);
}

/** `resolvePath`, where the mounts are known. */
export function resolveAmong(reply: MountsReply, text: string): string {
  const segments = text.split("/").filter((segment) => segment !== "" && segment !== ".");
  const [first] = segments;
  const isMount = first !== undefined && reply.mounts.some(({ path }) => path.split("/")[1] === first);
  return segments.reduce(joinPath, isMount ? "/" : mountInUse(reply));
}

/** The mount that bare paths mean. Throws UsageError where that is not decided. */
export function mountInUse({ mounts: all, inUse }: MountsReply): string {
  if (inUse !== undefined) {
    if (all.some(({ path }) => path === inUse)) return inUse;
    throw new UsageError(`the mount in use, ${inUse}, is gone: choose another with "pandav use MOUNT"`);
  }
  const candidates = all.filter(({ disabled }) => !disabled).map(({ path }) => path);
  if (candidates.length === 1) return candidates[0]!;
  if (candidates.length === 0)
    throw new UsageError('no storage is mounted: begin with "pandav auth" or "pandav storage add"');
  throw new UsageError(
    `${candidates.join(", ")} are mounted: begin the path with one of them, or choose one with "pandav use MOUNT"`,
  );
}

/** True where a path was typed as a directory's, as in `docs/`. */
export function namesDirectory(text: string): boolean {
  return /(^|\/)\.?$/.test(text);
}

/** The last segment of a path as it was typed; empty for a root. */
export function lastName(text: string): string {
  return text.split("/").findLast((segment) => segment !== "" && segment !== ".") ?? "";
}

/** How an entry below a path that was typed is shown: `docs/a` where `docs` was typed. */
export function shownBelow(typed: string, top: string, path: string): string {
  if (path === top) return typed;
  const rest = top === "/" ? path : path.slice(top.length);
  return typed === "" ? path : typed.replace(/\/+$/, "") + rest;
}
