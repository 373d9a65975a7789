/** A mount of one folder of a personal drive. */
import type { AccountHandle } from "../contract/account.ts";
import type { DriverEnv } from "../contract/driver.ts";
import { kindOf, StorageError } from "../contract/errors.ts";
import type { CallOptions, Entry, Mount } from "../contract/mount.ts";
import { checkName } from "../contract/path.ts";
import { createChanges } from "./changing.ts";
import type { SjtuPanSettings } from "./config.ts";
import type { SjtuCredential } from "./credential.ts";
import { isDirectory, ROOT, toEntry } from "./entries.ts";
import { FileApi } from "./file-api.ts";
import { toLink } from "./link.ts";
import { listEntries } from "./listing.ts";
import { createPaths, splitId } from "./paths.ts";
import { PanSession } from "./session.ts";
import { createTrash } from "./trash.ts";
import { createUploads } from "./upload/uploading.ts";
import { readSpace } from "./user-api.ts";
import { bytesOf } from "./wire.ts";

/** What the parts of a mount share. */
export interface PanContext {
  readonly env: DriverEnv<SjtuCredential>;
  readonly session: PanSession;
  readonly api: FileApi;
  readonly paths: ReturnType<typeof createPaths>;
  /** The entry with that id, asked from the service. Throws `not-found`; `not-a-directory` when a file stands in the way. */
  stat(id: string, o: CallOptions): Promise<Entry>;
  /** Throws `not-found`, `not-a-directory` unless there is a directory with that id. */
  checkDirectory(id: string, o: CallOptions): Promise<void>;
}

/** Makes no call; `root()` makes the first. */
export function createPanMount(
  settings: SjtuPanSettings,
  env: DriverEnv<SjtuCredential>,
  account: AccountHandle<SjtuCredential>,
): Mount {
  const session = new PanSession(env, account);
  const api = new FileApi(session);
  const paths = createPaths(settings.root);

  async function stat(id: string, o: CallOptions): Promise<Entry> {
    if (id === "") return checkRoot(o);
    const { parentId, name } = splitId(id);
    try {
      const item = await api.stat(paths.encoded(id), o);
      if (item.type) return toEntry(item, parentId, name);
    } catch (error) {
      if (kindOf(error) !== "not-found") throw error;
    }
    // The service answers the same when the entry is missing and when a file stands in its path.
    if (parentId !== "" && (await stat(parentId, o)).kind === "file") {
      throw new StorageError("not-a-directory", `${splitId(parentId).name} is a file`);
    }
    throw new StorageError("not-found", `there is no ${name}`);
  }

  async function checkRoot(o: CallOptions): Promise<Entry> {
    if (paths.plain("") === "") await api.list("", 1, o, 1);
    else if (!isDirectory(await api.stat(paths.encoded(""), o))) {
      throw new StorageError("not-a-directory", `${settings.root} is a file on the drive`);
    }
    return ROOT;
  }

  const context: PanContext = {
    env,
    session,
    api,
    paths,
    stat,
    async checkDirectory(id, o) {
      if (id === "") return;
      const { kind, name } = await stat(id, o);
      if (kind === "file") throw new StorageError("not-a-directory", `${name} is a file`);
    },
  };

  return {
    root: (o) => checkRoot(o),

    async *list(directory, o) {
      o.signal.throwIfAborted();
      try {
        yield* listEntries(api, paths.encoded(directory.id), directory.id, o);
      } catch (error) {
        // A file's path is answered like a missing one (sjtu-pan.md §3.2).
        if (directory.id !== "" && kindOf(error) === "not-found") await context.checkDirectory(directory.id, o);
        throw error;
      }
    },

    async stat(path, o) {
      o.signal.throwIfAborted();
      for (const name of path) checkName(name);
      return stat(path.join("/"), o);
    },

    async link(file, _client, o) {
      o.signal.throwIfAborted();
      if (file.kind === "directory") throw new StorageError("is-a-directory", `${file.name} is a folder`);
      return toLink(await api.download(paths.encoded(file.id), o), (serverMs) => session.toLocal(serverMs));
    },

    ...createChanges(context),
    ...createUploads(context),

    async usage(o) {
      const { size, capacity } = await session.callAsUser((userToken) => readSpace(env, userToken, o), o);
      const used = bytesOf(size);
      // Without a limit the field is absent or 0 (sjtu-pan.md §3.10).
      const total = bytesOf(capacity) || undefined;
      return { ...(used !== undefined && { used }), ...(total !== undefined && { total }) };
    },

    trash: createTrash(context),
  };
}
