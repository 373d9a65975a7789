/** The filesystem as one caller may use it: every front that serves people works through this, so that no call goes past the decision (`auth/permissions.ts`). */
import { StorageError } from "#drivers/contract/errors.ts";
import type { Usage } from "#drivers/contract/mount.ts";
import type { Capabilities } from "#drivers/contract/traits.ts";
import { AuthError } from "../auth/auth-error.ts";
import type { Rights } from "../auth/permissions.ts";
import type { Vfs } from "./api.ts";
import type { ResourceLocks } from "./locks/api.ts";
import type { Removal } from "./removing.ts";
import type {
  Listing,
  ListOptions,
  Resource,
  TransferOptions,
  TransferResult,
  TransferWay,
  VfsOptions,
} from "./resource.ts";
import type { TrashBins } from "./trashing.ts";

/**
 * A vfs that asks `rights` before every call, shows no hidden names, and names nothing above the caller's base path. Throws AuthError 403 beside what
 * the vfs throws. `storages`, `pending`, `prepared`, `crawling`, `nameIndex` and `close` are the server's own: who hands out the first asks what their caller may see of it.
 */
export function permitted(vfs: Vfs, rights: Rights): Vfs {
  const { role, basePath, disabled } = rights.user;
  // Who may do everything everywhere is spared the questions.
  return role === "admin" && basePath === "/" && !disabled ? vfs : new PermittedVfs(vfs, rights);
}

class PermittedVfs implements Vfs {
  readonly #vfs: Vfs;
  readonly #rights: Rights;
  #trash: TrashBins | undefined;
  #locks: ResourceLocks | undefined;

  constructor(vfs: Vfs, rights: Rights) {
    this.#vfs = vfs;
    this.#rights = rights;
  }

  get storages(): Vfs["storages"] {
    return this.#vfs.storages;
  }
  get trash(): TrashBins {
    this.#trash ??= permittedBins(this.#vfs, this.#rights);
    return this.#trash;
  }
  get locks(): ResourceLocks {
    this.#locks ??= permittedLocks(this.#vfs, this.#rights);
    return this.#locks;
  }
  get pending(): Vfs["pending"] {
    return this.#vfs.pending;
  }
  get prepared(): Vfs["prepared"] {
    return this.#vfs.prepared;
  }
  get crawling(): Vfs["crawling"] {
    return this.#vfs.crawling;
  }
  get nameIndex(): Vfs["nameIndex"] {
    return this.#vfs.nameIndex;
  }
  close(signal: AbortSignal): Promise<void> {
    return this.#vfs.close(signal);
  }

  /** What he may not see is not even counted. */
  search: Vfs["search"] = (path, wanted, o) => {
    this.#rights.demandVerb("read", path);
    const sees = (found: string) => this.#rights.mayFind(found, path) && (o.sees?.(found) ?? true);
    return this.#vfs.search(path, wanted, { ...o, sees });
  };

  stat(path: string, o: VfsOptions): Promise<Resource> {
    return this.#allowed("read", path, async () => this.#asRoot(await this.#vfs.stat(path, o)));
  }

  list(path: string, o: ListOptions): Promise<Listing> {
    if (o.refresh) this.#rights.demandVerb("refresh", path);
    return this.#allowed("read", path, async () => this.#listing(path, await this.#vfs.list(path, o)));
  }

  open: Vfs["open"] = (path, o) => this.#allowed("read", path, () => this.#vfs.open(path, o));
  deliver: Vfs["deliver"] = (path, o) => this.#allowed("read", path, () => this.#vfs.deliver(path, o));
  link: Vfs["link"] = (path, o) => this.#allowed("read", path, () => this.#vfs.link(path, o));
  write: Vfs["write"] = (path, source, o) => this.#allowed("write", path, () => this.#vfs.write(path, source, o));
  gather: Vfs["gather"] = (path, size, o) => this.#allowed("write", path, () => this.#vfs.gather(path, size, o));
  makeDirectory: Vfs["makeDirectory"] = (path, o) =>
    this.#allowed("write", path, () => this.#vfs.makeDirectory(path, o));
  setModifiedAt: Vfs["setModifiedAt"] = (path, ms, o) =>
    this.#allowed("set-properties", path, () => this.#vfs.setModifiedAt(path, ms, o));
  patchProperties: Vfs["patchProperties"] = (path, patch, o) =>
    this.#allowed("set-properties", path, () => this.#vfs.patchProperties(path, patch, o));

  remove: Vfs["remove"] = (path, o) =>
    this.#allowed("remove", path, () => {
      this.#demandRemovable(path);
      return this.#vfs.remove(path, o);
    });

  async removeAll(paths: readonly string[], o: Parameters<Vfs["removeAll"]>[1]): Promise<readonly Removal[]> {
    for (const path of paths) {
      this.#rights.demandVerb("remove", path);
      this.#demandRemovable(path);
    }
    const outcomes = await this.#vfs.removeAll(paths, o);
    return outcomes.map((one) => (one.error === undefined ? one : { ...one, error: shownTo(this.#rights, one.error) }));
  }

  move(from: string, to: string, o: TransferOptions): Promise<TransferResult> {
    return this.#transfer("move", from, to, o);
  }
  copy(from: string, to: string, o: TransferOptions): Promise<TransferResult> {
    return this.#transfer("copy", from, to, o);
  }

  async way(how: "move" | "copy", from: string, to: string): Promise<TransferWay> {
    this.#rights.demandTransfer(how, from, to);
    return this.#vfs.way(how, from, to).catch((error: unknown) => {
      throw shownTo(this.#rights, error);
    });
  }

  usage(path: string, o: VfsOptions): Promise<Usage | undefined> {
    return this.#allowed("read", path, () => this.#vfs.usage(path, o));
  }

  /** What the storage can and the caller may, in a directory. */
  capabilities(path: string): Capabilities | undefined {
    const can = this.#vfs.capabilities(path);
    if (!can || !this.#rights.mayVerb("read", path)) return undefined;
    const mayStore = this.#rights.mayStoreIn(path);
    return {
      ...can,
      upload: can.upload && mayStore,
      createDirectory: can.createDirectory && mayStore,
      move: can.move && (this.#rights.mayVerb("move", path) || this.#rights.mayVerb("rename", path)),
      copy: can.copy && this.#rights.mayVerb("copy", path),
      remove: can.remove && this.#rights.mayVerb("remove", path),
    };
  }

  async #allowed<T>(verb: Parameters<Rights["demandVerb"]>[0], path: string, run: () => Promise<T>): Promise<T> {
    this.#rights.demandVerb(verb, path);
    try {
      return await run();
    } catch (error) {
      throw shownTo(this.#rights, error);
    }
  }

  async #transfer(how: "move" | "copy", from: string, to: string, o: TransferOptions): Promise<TransferResult> {
    this.#rights.demandTransfer(how, from, to);
    if (how === "move") this.#refuseRoot(from);
    this.#refuseRoot(to);
    try {
      if (this.#rights.wouldShow(from, to) && (await this.#vfs.stat(from, { signal: o.signal })).kind === "directory") {
        throw new AuthError(403, "permission denied: it may hold names that are hidden from you");
      }
      return await this.#vfs[how](from, to, o);
    } catch (error) {
      throw shownTo(this.#rights, error);
    }
  }

  #demandRemovable(path: string): void {
    this.#refuseRoot(path);
    this.#rights.demandWhole(path);
  }

  /** What somebody's base path names is his root: it is not his to remove or replace. */
  #refuseRoot(path: string): void {
    if (path !== this.#rights.user.basePath) return;
    throw new StorageError("permission-denied", "the root cannot be moved, replaced or removed");
  }

  #listing(path: string, listing: Listing): Listing {
    const hidden = this.#rights.hiddenIn(path);
    const directory = this.#asRoot(listing.directory);
    if (!hidden && directory === listing.directory) return listing;
    const keep = (page: readonly Resource[]) => (hidden ? page.filter(({ name }) => !hidden.hides(name)) : page);
    let entries: readonly Resource[] | undefined;
    return {
      directory,
      ...(listing.staleSeconds !== undefined && { staleSeconds: listing.staleSeconds }),
      // What is kept of this listing is for those alone from whom the same names are hidden.
      ...(listing.version !== undefined && { version: hidden ? `${listing.version}~${hidden.key}` : listing.version }),
      get entries() {
        entries ??= listing.entries && keep(listing.entries);
        return entries;
      },
      async *pages() {
        for await (const page of listing.pages()) yield keep(page);
      },
    } as Listing;
  }

  /** A caller's root has no name: what it is called above his base path is not his to know. */
  #asRoot(self: Resource): Resource {
    if (self.path !== this.#rights.user.basePath || self.name === "") return self;
    return new Proxy(self, {
      get: (target, key) => (key === "name" ? "" : Reflect.get(target, key, target)),
    });
  }
}

/** The same failure in the caller's own paths. */
/** The error as somebody may read it: paths as he knows them. */
export function shownTo({ user: { basePath } }: Pick<Rights, "user">, error: unknown): unknown {
  if (basePath === "/" || !(error instanceof StorageError)) return error;
  const message = error.message.replaceAll(`${basePath}/`, "/").replaceAll(basePath, "/");
  if (message === error.message) return error;
  return Object.defineProperty(Object.create(error), "message", { value: message });
}

/** A bin holds what others removed anywhere in the storage: it is for those who may remove all of it, and from whom nothing in it is kept. */
function permittedBins(vfs: Vfs, rights: Rights): TrashBins {
  const demandBin = (path: string) => {
    const mountPath = vfs.storages.at(path)?.mountPath ?? path;
    rights.demandVerb("remove", mountPath);
    rights.demandWhole(mountPath);
    if (rights.hiddenIn(mountPath))
      throw new AuthError(403, "permission denied: it may hold names that are hidden from you");
    return mountPath;
  };
  return {
    async *list(path, o) {
      demandBin(path);
      yield* vfs.trash.list(path, o);
    },
    async restore(path, asked, o) {
      rights.demandVerb("write", demandBin(path));
      return vfs.trash.restore(path, asked, o);
    },
    async purge(path, asked, o) {
      demandBin(path);
      return vfs.trash.purge(path, asked, o);
    },
    async empty(path, o) {
      demandBin(path);
      return vfs.trash.empty(path, o);
    },
  };
}

/** Whoever may not change a thing may not keep others from changing it. */
function permittedLocks(vfs: Vfs, rights: Rights): ResourceLocks {
  const shown = (error: unknown) => {
    throw shownTo(rights, error);
  };
  return {
    get isEmpty() {
      return vfs.locks.isEmpty;
    },
    async lock(path, request, o) {
      rights.demandVerb("write", path);
      return vfs.locks.lock(path, request, o).catch(shown);
    },
    async refresh(path, timeoutMs, o) {
      rights.demandVerb("set-properties", path);
      return vfs.locks.refresh(path, timeoutMs, o).catch(shown);
    },
    async unlock(path, token, o) {
      rights.demandVerb("set-properties", path);
      return vfs.locks.unlock(path, token, o).catch(shown);
    },
    at: (path) => vfs.locks.at(path),
    view: (path) => vfs.locks.view(path),
    demandChangeable: (path, o) => vfs.locks.demandChangeable(path, o),
  };
}
