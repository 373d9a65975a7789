/** Changes of the tree: new folders, moves, copies and removals, made by the service itself (sjtu-pan.md §3.4–3.7). */
import { kindOf, StorageError } from "../contract/errors.ts";
import type { CallOptions, Conflict, CopyOptions, Entry, Mount, MoveOptions } from "../contract/mount.ts";
import { oneByOne } from "../kit/batch.ts";
import { refuseRoot, toEntry } from "./entries.ts";
import type { Resource, Strategy } from "./file-api.ts";
import type { PanContext } from "./mount.ts";
import { checkNewName, childId, splitId } from "./paths.ts";
import { createRemove } from "./removing.ts";
import { aside } from "./replacing.ts";
import { followTask } from "./tasks.ts";

type Changes = Required<Pick<Mount, "createDirectory" | "move" | "copy" | "remove">>;

/** Where an entry goes. */
interface Destination {
  readonly parentId: string;
  readonly name: string;
  readonly conflict: Conflict;
}

export function createChanges(context: PanContext): Changes {
  const { api, paths } = context;

  async function createDirectory(parent: Entry, name: string, o: CallOptions): Promise<Entry> {
    o.signal.throwIfAborted();
    checkNewName(name);
    // The service would make missing parents by itself (sjtu-pan.md §3.4).
    await context.checkDirectory(parent.id, o);
    const item = await api.makeDirectory(paths.encoded(childId(parent.id, name)), "ask", o);
    return toEntry({ ...item, name, type: "dir" }, parent.id);
  }

  async function move(entry: Entry, to: Destination, o: CallOptions): Promise<Entry> {
    const id = childId(to.parentId, to.name);
    if (id === entry.id) return context.stat(id, o);
    const name = await place(entry, "from", to, o, () => {});
    return { ...entry, id: childId(to.parentId, name), name };
  }

  async function copy(entry: Entry, to: Destination, o: CopyOptions): Promise<Entry> {
    const id = childId(to.parentId, to.name);
    if (id === entry.id && to.conflict === "replace") return context.stat(id, o);
    const name = await place(entry, "copyFrom", to, o, () => o.onProgress?.(0));
    const copied = await context.stat(childId(to.parentId, name), o);
    if (copied.size !== undefined) o.onProgress?.(copied.size);
    return copied;
  }

  /** Puts an entry there and returns the name that it got. */
  async function place(
    entry: Entry,
    how: "from" | "copyFrom",
    to: Destination,
    o: CallOptions,
    alive: () => void,
  ): Promise<string> {
    const resource: Resource = entry.kind === "file" ? "file" : "directory";
    const id = childId(to.parentId, to.name);
    const source = paths.plain(entry.id);
    const request = async () => {
      const answer = await api.place(
        resource,
        paths.encoded(id),
        how === "from" ? { from: source } : { copyFrom: source },
        strategyOf(to.conflict, resource),
        o,
      );
      return answer.taskId ? resultOf(await followTask(context.env, api, answer.taskId, o, alive)) : answer.path;
    };
    const nameIn = (path: readonly string[] | null | undefined) => path?.at(-1) || to.name;
    try {
      return nameIn(await request());
    } catch (error) {
      if (kindOf(error) !== "already-exists" || to.conflict !== "replace") throw error;
      // The service replaces files by files alone (sjtu-pan.md §3.1).
      return nameIn(await aside(context, id, o, request));
    }
  }

  async function each(
    entries: readonly Entry[],
    parent: Entry,
    o: MoveOptions,
    act: (entry: Entry, to: Destination) => Promise<Entry>,
  ) {
    o.signal.throwIfAborted();
    if (o.name !== undefined) checkNewName(o.name);
    if (entries.length === 0) return [];
    // The service might make a missing parent by itself (sjtu-pan.md §3.5).
    await context.checkDirectory(parent.id, o);
    return oneByOne(entries, o.signal, async (entry) => {
      refuseRoot(entry);
      refuseItself(entry, parent);
      return act(entry, { parentId: parent.id, name: o.name ?? entry.name, conflict: o.conflict });
    });
  }

  return {
    createDirectory,
    move: (entries, parent, o) => each(entries, parent, o, (entry, to) => move(entry, to, o)),
    copy: (entries, parent, o) => each(entries, parent, o, (entry, to) => copy(entry, to, o)),
    remove: createRemove(context),
  };
}

function refuseItself(entry: Entry, parent: Entry): void {
  if (entry.kind === "file") return;
  if (parent.id !== entry.id && !parent.id.startsWith(`${entry.id}/`)) return;
  throw new StorageError("permission-denied", `${splitId(entry.id).name} cannot be put into itself`);
}

function strategyOf(conflict: Conflict, resource: Resource): Strategy {
  if (conflict === "rename") return "rename";
  // Folders are never overwritten (sjtu-pan.md §3.1).
  return conflict === "replace" && resource === "file" ? "overwrite" : "ask";
}

/** The path that a finished task names. Throws `incomplete` when it did a part only. */
function resultOf({ status, result }: Awaited<ReturnType<typeof followTask>>): readonly string[] | null | undefined {
  if (status === 207) {
    throw new StorageError("incomplete", "SJTU Pan moved or copied a part only: look at both places before going on");
  }
  return Array.isArray(result) ? result[0]?.path : result?.path;
}
