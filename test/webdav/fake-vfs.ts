/** A vfs that fails where it is told to: for what the real one, which recovers from faults, cannot be made to show. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange, Hashes, Usage } from "#drivers/contract/mount.ts";
import { isWithin, nameOf, parentOf } from "#drivers/contract/path.ts";
import type { Vfs } from "#server/vfs/api.ts";
import type { Listing, Resource } from "#server/vfs/resource.ts";

/** What the test sets, and what it may look at afterwards. */
export interface FakeVfs extends Vfs {
  readonly files: Map<string, Buffer | "directory">;
  /** Thrown by the method of that name. */
  readonly failing: Map<keyof Vfs, unknown>;
  /** Entries per page of a listing; `entries` is then absent. */
  pageSize?: number;
  /** Thrown before the page of that number (0 is the first). */
  failPage?: { readonly page: number; readonly error: unknown };
  /** Bytes after which a read breaks off: by an error, or by ending. */
  breakRead?: { readonly after: number; readonly how: "error" | "end" };
  staleSeconds?: number;
  /** The link that files above 1 MiB are delivered by. */
  redirectTo?: string;
  usageAnswer?: Usage | undefined;
  /** Changes of sizes as listings show them. */
  aboutSizes?: boolean;
  /** Calls by method and path. */
  readonly calls: string[];
  version: number;
  /** Called when a write is about to commit. */
  beforeCommit?: () => void;
}

export const FAKE_TIME = Date.UTC(2024, 1, 29, 12, 34, 56, 789);

/** An empty vfs with a mount at `/`. */
export function fakeVfs(seed: Readonly<Record<string, string | Buffer | "directory">> = {}): FakeVfs {
  const files = new Map<string, Buffer | "directory">([["/", "directory"]]);
  for (const [path, value] of Object.entries(seed)) {
    files.set(path, value === "directory" ? value : Buffer.from(value));
  }
  const keys = new Map<string, number>();
  const times = new Map<string, number>();
  const calls: string[] = [];
  const failing = new Map<keyof Vfs, unknown>();

  const called = (method: keyof Vfs, path: string) => {
    calls.push(`${method} ${path}`);
    if (failing.has(method)) throw failing.get(method);
  };
  const resourceAt = (path: string): Resource | undefined => {
    const value = files.get(path);
    if (value === undefined) return undefined;
    if (!keys.has(path)) keys.set(path, keys.size + 1);
    const base = {
      path,
      name: nameOf(path),
      modifiedAt: times.get(path) ?? FAKE_TIME,
      key: keys.get(path)!,
      mountPath: "/",
      isMountPoint: path === "/",
      pending: false,
    };
    if (value === "directory") return { ...base, kind: "directory" };
    const hashes: Hashes = { sha1: createHash("sha1").update(value).digest("hex") };
    return {
      ...base,
      kind: "file",
      size: value.length,
      ...(vfs.aboutSizes && { sizeIs: "about" as const }),
      hashes,
      etag: `"${hashes.sha1!.slice(0, 12)}"`,
    };
  };
  const need = (path: string): Resource => {
    const found = resourceAt(path);
    if (!found) throw new StorageError("not-found", `${path} does not exist`, { path });
    return found;
  };
  const needParent = (path: string) => {
    if (need(parentOf(path)).kind !== "directory")
      throw new StorageError("not-a-directory", "the parent is a file", { path });
  };
  const removeAll = (path: string) => {
    for (const known of [...files.keys()]) if (isWithin(known, path)) files.delete(known);
  };
  const transfer = (from: string, to: string, overwrite: boolean, recursive: boolean) => {
    need(from);
    needParent(to);
    const created = !files.has(to);
    if (!created && !overwrite) throw new StorageError("precondition-failed", `${to} exists`, { path: to });
    removeAll(to);
    for (const [known, value] of [...files]) {
      if (known === from || (recursive && isWithin(known, from))) files.set(to + known.slice(from.length), value);
    }
    vfs.version++;
    return { created };
  };
  const read = (path: string) => async (range?: ByteRange) => {
    called("open", path);
    const content = files.get(path) as Buffer;
    const end = range?.length === undefined ? content.length : range.offset + range.length;
    const bytes = content.subarray(range?.offset ?? 0, end);
    const { breakRead } = vfs;
    if (!breakRead) return Readable.from(pieces(bytes));
    const part = Readable.from(pieces(bytes.subarray(0, breakRead.after)));
    if (breakRead.how === "end") return part;
    return Readable.from(
      (async function* () {
        yield* part;
        throw new StorageError("incomplete", "the storage broke off");
      })(),
      { objectMode: false },
    );
  };

  const vfs: FakeVfs = {
    files,
    failing,
    calls,
    pending: {
      list: () => [],
      get: () => undefined,
      attach: () => () => {},
      upload: async () => "stored",
      async mark() {},
    },
    prepared: { lengthOf: () => undefined, copy: () => false, keep() {} },
    version: 1,
    nameIndex: undefined,
    get crawling(): never {
      throw new Error("the front does not crawl");
    },
    search() {
      throw new Error("the front searches nothing");
    },
    async stat(path) {
      called("stat", path);
      return need(path);
    },
    async list(path) {
      called("list", path);
      const directory = need(path);
      if (directory.kind !== "directory") throw new StorageError("not-a-directory", `${path} is a file`, { path });
      const entries = [...files.keys()]
        .filter((known) => known !== "/" && parentOf(known) === path)
        .map((known) => resourceAt(known)!);
      const listing: Listing = {
        directory,
        ...(vfs.staleSeconds !== undefined && { staleSeconds: vfs.staleSeconds }),
        ...(vfs.pageSize === undefined && { entries, version: String(vfs.version) }),
        async *pages() {
          const size = vfs.pageSize ?? 1000;
          for (let page = 0; page === 0 || page * size < entries.length; page++) {
            if (vfs.failPage?.page === page) throw vfs.failPage.error;
            yield entries.slice(page * size, (page + 1) * size);
          }
        },
      };
      return listing;
    },
    async way() {
      return "bytes";
    },
    async open(path) {
      return { resource: need(path), read: read(path) };
    },
    async deliver(path) {
      called("deliver", path);
      const resource = need(path);
      if (resource.kind === "directory") throw new StorageError("is-a-directory", `${path} is a directory`, { path });
      if (vfs.redirectTo !== undefined) return { kind: "redirect", resource, url: vfs.redirectTo };
      return { kind: "proxy", resource, read: read(path) };
    },
    async gather() {
      throw new StorageError("unsupported", "nothing is gathered over WebDAV");
    },
    async write(path, source, o) {
      called("write", path);
      const existing = resourceAt(path);
      needParent(path);
      if (existing?.kind === "directory") throw new StorageError("is-a-directory", `${path} is a directory`, { path });
      if (existing && o.conflict === "fail") throw new StorageError("already-exists", `${path} exists`, { path });
      o.check?.(existing);
      const chunks: Buffer[] = [];
      const stream = "stream" in source ? source.stream : await source.open({ offset: 0, length: source.size });
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      const content = Buffer.concat(chunks);
      if (source.size !== undefined && source.size !== content.length) {
        throw new StorageError("incomplete", `${content.length} bytes came instead of ${source.size}`);
      }
      vfs.beforeCommit?.();
      o.check?.(resourceAt(path));
      files.set(path, content);
      if (source.modifiedAt !== undefined) times.set(path, source.modifiedAt);
      vfs.version++;
      return {
        resource: need(path),
        created: existing === undefined,
        modifiedAtStored: source.modifiedAt !== undefined,
      };
    },
    async makeDirectory(path) {
      called("makeDirectory", path);
      needParent(path);
      if (files.has(path)) throw new StorageError("already-exists", `${path} exists`, { path });
      files.set(path, "directory");
      vfs.version++;
      return need(path);
    },
    async remove(path) {
      called("remove", path);
      need(path);
      removeAll(path);
      vfs.version++;
    },
    async removeAll() {
      throw new Error("the front removes one by one");
    },
    async link() {
      throw new Error("the front asks for no plain link");
    },
    get trash(): never {
      throw new Error("the front asks for no recycle bin");
    },
    async move(from, to, o) {
      called("move", from);
      const source = need(from);
      const result = transfer(from, to, o.conflict === "replace", true);
      removeAll(from);
      return { ...result, source };
    },
    async copy(from, to, o) {
      called("copy", from);
      return { ...transfer(from, to, o.conflict === "replace", o.recursive ?? true), source: need(from) };
    },
    async setModifiedAt(path, ms) {
      times.set(path, ms);
      return need(path);
    },
    async patchProperties(path, { modifiedAt }) {
      called("patchProperties", path);
      if (modifiedAt !== undefined) times.set(path, modifiedAt);
      return need(path);
    },
    async usage(path) {
      called("usage", path);
      return vfs.usageAnswer;
    },
    capabilities: () => undefined,
    locks: NO_LOCKS,
    get storages(): never {
      throw new Error("the front asks for no storages");
    },
    async close() {},
  };
  return vfs;
}

/** Nothing is locked, and nothing can be. */
const NO_LOCKS: Vfs["locks"] = {
  isEmpty: true,
  at: () => [],
  view: () => ({ self: [], child: () => [] }),
  demandChangeable() {},
  lock: () => Promise.reject(new Error("this vfs takes no locks")),
  refresh: () => Promise.reject(new Error("this vfs has no locks")),
  unlock: () => Promise.reject(new Error("this vfs has no locks")),
};

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 16 * 1024) yield bytes.subarray(at, at + 16 * 1024);
}
