/** A folder of the server's machine as a mount. */
import { lstat, lutimes, mkdir, statfs } from "node:fs/promises";
import type { DriverEnv } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { Mount } from "../contract/mount.ts";
import { oneByOne } from "../kit/batch.ts";
import { type ChangeContext, copyEntry, moveEntry, removeEntry } from "./changing.ts";
import type { LocalSettings } from "./config.ts";
import { toSeconds } from "./descriptors.ts";
import { entryAt, openContent, quickEntry, toEntry } from "./entries.ts";
import { checkNewName, idOfPath, splitId } from "./ids.ts";
import { listDirectory } from "./listing.ts";
import { readFile } from "./reading.ts";
import { Root, toDiskPath } from "./root.ts";
import { sweepTemporary } from "./sweeping.ts";
import { TemporaryNames } from "./temporary.ts";
import { storeFile } from "./uploading.ts";
import { watchDirectory } from "./watching.ts";

/** Override of `DriverEnv.overrides` that turns the way without `/proc` on, for tests. */
export const NO_DESCRIPTOR_PATHS = "local.noDescriptorPaths";

/** The mount; nothing is asked of the disk before its first method is called. */
export function createLocalMount(settings: LocalSettings, env: DriverEnv): Mount {
  const root = new Root(settings.root, env.overrides[NO_DESCRIPTOR_PATHS] !== true);
  const temporary = new TemporaryNames(env);
  const sweep = { clock: env.clock, log: env.log, temporary };
  const context: ChangeContext = {
    ...sweep,
    root,
    foundTemporary: (directory, name) => sweepTemporary(sweep, directory, name),
  };
  const uploads = { clock: env.clock, temporary, verify: settings.verify_writes };

  /** Runs a call, and tells its failure in the contract's words. */
  async function call<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    try {
      return await act();
    } catch (error) {
      throw await root.explain(error, signal);
    }
  }

  // Inside, every `return` of a promise awaits it: a directory opened with `using` is closed when its function returns.
  return {
    root: ({ signal }) => call(signal, async () => toEntry("", "", await root.renew())!),

    async *list(directory, { signal }) {
      signal.throwIfAborted();
      try {
        using open = await root.open(directory.id);
        yield* listDirectory(context, open, directory.id, signal);
      } catch (error) {
        throw await root.explain(error, signal);
      }
    },

    stat: (path, { signal }) =>
      call(signal, async () => {
        const id = idOfPath(path);
        const quick = id === "" ? undefined : await quickEntry(root, id);
        if (quick) return quick;
        const { parent: parentId, name } = id === "" ? { parent: "", name: "" } : splitId(id);
        using parent = await root.open(parentId);
        if (id === "") return toEntry("", "", await parent.stat())!;
        return await entryAt(root, parent, parentId, name);
      }),

    read: (file, range, o) => call(o.signal, () => readFile(root, file, range, o)),

    createDirectory: (parent, name, { signal }) =>
      call(signal, async () => {
        checkNewName(name);
        using directory = await root.open(parent.id);
        await mkdir(directory.at(name));
        await directory.sync();
        return await entryAt(root, directory, parent.id, name);
      }),

    move: (entries, parent, o) =>
      call(o.signal, async () => {
        refuseSharedName(entries.length, o.name);
        using to = await root.open(parent.id);
        return await oneByOne(entries, o.signal, (entry) =>
          call(o.signal, () => moveEntry(context, entry, to, parent.id, o)),
        );
      }),

    copy: (entries, parent, o) =>
      call(o.signal, async () => {
        refuseSharedName(entries.length, o.name);
        using to = await root.open(parent.id);
        return await oneByOne(entries, o.signal, (entry) =>
          call(o.signal, () => copyEntry(context, entry, to, parent.id, o)),
        );
      }),

    remove: (entries, { signal }) =>
      oneByOne(entries, signal, (entry) => call(signal, () => removeEntry(context, entry, signal))),

    upload: (parent, name, source, o) =>
      call(o.signal, async () => {
        using directory = await root.open(parent.id);
        return await storeFile(uploads, directory, parent.id, name, source, o);
      }),

    setModifiedAt: (entry, ms, { signal }) =>
      call(signal, async () => {
        const content = await openContent(root, entry.id);
        using directory = content.directory;
        const path = directory.at(content.name);
        await lutimes(path, toSeconds((await lstat(path)).atimeMs), toSeconds(ms));
        return toEntry(entry.id, entry.name, await lstat(path))!;
      }),

    usage: ({ signal }) =>
      call(signal, async () => {
        const { prefix } = await root.identity();
        const { bsize, blocks, bfree, bavail } = await statfs(toDiskPath(prefix));
        const used = (blocks - bfree) * bsize;
        // What only the superuser may fill counts as not there, as in df(1).
        return { used, total: used + bavail * bsize };
      }),

    watch: (directory, changed, signal) => watchDirectory(root, directory.id, changed, signal),
  };
}

function refuseSharedName(count: number, name: string | undefined): void {
  if (name !== undefined && count !== 1) {
    throw new StorageError("invalid-name", "one name was given for several entries");
  }
}
