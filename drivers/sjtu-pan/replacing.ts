/** `replace` where the service has no such thing: folders, and files in the place of folders. */
import { StorageError } from "../contract/errors.ts";
import type { CallOptions } from "../contract/mount.ts";
import type { PanContext } from "./mount.ts";
import { childId, splitId } from "./paths.ts";

/** Longest time for putting back what was put aside, in milliseconds. */
const UNDO_MS = 20_000;

/**
 * Puts aside what has an id, runs `act`, then sends what was put aside to the recycle bin. When `act` fails, it is put back;
 * where that fails too, `incomplete` names where it is.
 */
export async function aside<T>(context: PanContext, id: string, o: CallOptions, act: () => Promise<T>): Promise<T> {
  const { api, paths, env } = context;
  const { kind } = await context.stat(id, o);
  const resource = kind === "file" ? "file" : "directory";
  const { parentId, name } = splitId(id);
  const temporary = `.pandav-replaced-${Buffer.from(env.random(6)).toString("hex")}`;
  const temporaryId = childId(parentId, temporary);
  const move = (from: string, to: string, how: CallOptions) =>
    api.place(resource, paths.encoded(to), { from: paths.plain(from) }, "ask", how);

  await move(id, temporaryId, o);
  let result: T;
  try {
    result = await act();
  } catch (error) {
    try {
      // Also after an abort: the old entry must not stay away.
      await move(temporaryId, id, { signal: AbortSignal.timeout(UNDO_MS) });
    } catch (cause) {
      throw new StorageError("incomplete", `${name} could not be replaced, and is now called ${temporary}`, { cause });
    }
    throw error;
  }
  try {
    await api.delete(resource, paths.encoded(temporaryId), false, { signal: AbortSignal.timeout(UNDO_MS) });
  } catch (error) {
    env.log.warn({ failure: error, left: temporary }, "what was replaced could not be removed");
  }
  return result;
}
