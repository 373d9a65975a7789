/**
 * The one gate to the disk: every directory that the driver touches is opened here and proved to lie inside the root.
 *
 * On Linux the proof is race free: the directory is opened first, `/proc/self/fd/<n>` then says where the open directory really is, and what
 * follows goes through that descriptor, so that a link swapped in between changes nothing. Where there is no such folder (macOS, Windows) the real
 * path is checked right before the call instead, and a moment remains in which a link could be swapped in.
 */
import { fstatSync, readlinkSync, type Stats } from "node:fs";
import { lstat, realpath, stat, statfs } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { StorageError } from "../contract/errors.ts";
import { decodeName, encodeName } from "../kit/bytes.ts";
import { closeFile, letGo, openFile, READ_DIRECTORY, statFile, syncFile } from "./descriptors.ts";
import { codeOf, notThere, toStorageError } from "./errors.ts";
import { checkId } from "./ids.ts";

/** A path as the fs functions take it: bytes where the name is not UTF-8. */
export type DiskPath = string | Buffer;

/** An open directory inside the root. Dispose of it. */
export interface Directory extends Disposable {
  /** Id of the directory by its real path, which differs from the one it was opened by where a link led to it. */
  readonly realId: string;
  /** True when a link lies on the way to it. */
  readonly throughLink: boolean;
  /** The directory itself. */
  readonly path: string;
  /** Its absolute real path. */
  readonly realPath: string;
  /** Where a name in it is; safe from links swapped in above it. */
  at(name: string): DiskPath;
  stat(): Promise<Stats>;
  /** False when it was moved or removed since it was opened. */
  isStillThere(): Promise<boolean>;
  /** Makes what was created or renamed in it survive a power cut. */
  sync(): Promise<void>;
}

/** File systems whose calls may wait for another machine or a program (statfs(2), `f_type`): NFS, SMB, CIFS, SMB2, FUSE, 9P, Ceph, AFS, OrangeFS. */
const REMOTE_TYPES = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x65735546, 0x01021997, 0x00c36400, 0x5346414f, 0x20030528,
]);

interface Identity {
  /** Decoded absolute real path, with a slash at the end. */
  readonly prefix: string;
  readonly dev: number;
  readonly ino: number;
  /** True when `/proc/self/fd` says where an open directory is. */
  readonly anchored: boolean;
  /** False where a system call may wait for a network. */
  readonly quick: boolean;
}

export class Root {
  readonly #path: string;
  readonly #mayAnchor: boolean;
  #identity: Identity | undefined;
  #identifying: Promise<Identity> | undefined;

  /** `mayAnchor: false` is for tests of the way without `/proc`. */
  constructor(path: string, mayAnchor = true) {
    this.#path = resolve(path);
    this.#mayAnchor = mayAnchor;
  }

  /** Looks the root up anew. Throws `invalid-config` when it is no directory, `unavailable` when it was one before. */
  async renew(): Promise<Stats> {
    try {
      const stats = await stat(this.#path);
      if (!stats.isDirectory()) throw new StorageError("invalid-config", `root: ${this.#path} is not a folder`);
      const real = decodeName(await realpath(this.#path, { encoding: "buffer" }));
      const { type } = await statfs(this.#path);
      this.#identity = {
        prefix: withSlash(toSlashes(real)),
        dev: stats.dev,
        ino: stats.ino,
        anchored: this.#mayAnchor && (await canAnchor(real)),
        quick: !REMOTE_TYPES.has(type >>> 0),
      };
      return stats;
    } catch (error) {
      const code = codeOf(error);
      if (code !== "ENOENT" && code !== "ENOTDIR") throw toStorageError(error);
      if (this.#identity) throw this.#gone();
      throw new StorageError("invalid-config", `root: there is no folder ${this.#path}: create it, or name another`);
    }
  }

  /** The root's identity where it is known already: for calls that cannot wait. */
  get known(): Identity | undefined {
    return this.#identity;
  }

  /** Whether calls in a directory with these stats may be made synchronously: its disk is in this machine. */
  isQuick(directory: Stats): boolean {
    return this.#identity?.quick === true && this.#identity.dev === directory.dev;
  }

  /**
   * Opens the directory with this id. Throws `not-found` also where a link leaves the root; `not-a-directory`;
   * `unavailable` when the root itself is gone or another disk than before.
   */
  async open(id: string): Promise<Directory> {
    const identity = await this.identity();
    checkId(id);
    const path = id === "" ? identity.prefix : identity.prefix + id;
    const directory = identity.anchored
      ? await this.#openAnchored(identity, path)
      : this.#toDirectory(
          identity,
          toSlashes(decodeName(await realpath(toDiskPath(path), { encoding: "buffer" }))),
          id,
        );
    if (id !== "") return directory;
    const stats = await directory.stat();
    if (stats.ino === identity.ino && stats.dev === identity.dev) return directory;
    directory[Symbol.dispose]();
    throw this.#gone();
  }

  /** Id of a real path, or undefined when it lies outside the root. */
  idOf(realPath: string): string | undefined {
    const prefix = this.#identity?.prefix;
    if (prefix === undefined) return undefined;
    if (realPath.startsWith(prefix)) return realPath.slice(prefix.length);
    return withSlash(realPath) === prefix ? "" : undefined;
  }

  /** What the caller should see of a failure: `unavailable` when a path is missing because the root is. */
  async explain(error: unknown, signal: AbortSignal): Promise<unknown> {
    if (signal.aborted) return signal.reason;
    const known = toStorageError(error);
    if (!(known instanceof StorageError) || (known.kind !== "not-found" && known.kind !== "not-a-directory"))
      return known;
    return (await this.#isThere()) ? known : this.#gone();
  }

  /** The root's identity, asked of the disk the first time. */
  async identity(): Promise<Identity> {
    if (this.#identity) return this.#identity;
    this.#identifying ??= this.renew()
      .then(() => this.#identity!)
      .finally(() => {
        this.#identifying = undefined;
      });
    return this.#identifying;
  }

  async #openAnchored(identity: Identity, path: string): Promise<Directory> {
    const fd = await openFile(toDiskPath(path), READ_DIRECTORY);
    try {
      return this.#toDirectory(identity, pathOfDescriptor(fd), path.slice(identity.prefix.length), fd);
    } catch (error) {
      letGo(fd);
      throw error;
    }
  }

  #toDirectory(identity: Identity, realPath: string, id: string, fd?: number): Directory {
    const realId = this.idOf(realPath);
    if (realId === undefined) throw notThere();
    const path = fd === undefined ? realPath : `/proc/self/fd/${fd}`;
    const prefix = withSlash(path);
    return {
      realId,
      throughLink: realId !== id,
      path,
      realPath,
      at: (name) => toDiskPath(prefix + name),
      stat: () => (fd === undefined ? lstat(toDiskPath(path)) : statDescriptor(identity, fd)),
      isStillThere: async () =>
        fd === undefined || (pathOfDescriptor(fd) === realPath && (await statDescriptor(identity, fd)).nlink > 0),
      sync: async () => {
        if (fd !== undefined) await syncDirectory(fd);
        else await syncByPath(path);
      },
      [Symbol.dispose]() {
        if (fd !== undefined) letGo(fd);
      },
    };
  }

  async #isThere(): Promise<boolean> {
    const identity = this.#identity;
    if (!identity) return true;
    try {
      const stats = await stat(this.#path);
      return stats.ino === identity.ino && stats.dev === identity.dev;
    } catch {
      return false;
    }
  }

  #gone(): StorageError {
    return new StorageError(
      "unavailable",
      `the folder ${this.#path} is gone, or another disk is mounted there: bring it back, or open the storage again`,
    );
  }
}

/** Where the open file is now: the kernel's own answer (proc(5)), which touches no disk. */
export function pathOfDescriptor(fd: number): string {
  return decodeName(readlinkSync(`/proc/self/fd/${fd}`, { encoding: "buffer" }));
}

/** The path as the fs functions take it. */
export function toDiskPath(path: string): DiskPath {
  return path.isWellFormed() ? path : encodeName(path);
}

async function canAnchor(realPath: string): Promise<boolean> {
  let fd: number | undefined;
  try {
    fd = await openFile(toDiskPath(realPath), READ_DIRECTORY);
    return pathOfDescriptor(fd) === realPath;
  } catch {
    return false;
  } finally {
    if (fd !== undefined) letGo(fd);
  }
}

/** fstat(2) of what is open on a disk in this machine reads memory, not the disk. */
async function statDescriptor(identity: Identity, fd: number): Promise<Stats> {
  return identity.quick ? fstatSync(fd) : statFile(fd);
}

async function syncByPath(path: string): Promise<void> {
  let fd: number;
  try {
    fd = await openFile(toDiskPath(path), READ_DIRECTORY);
  } catch {
    return; // Windows opens no directories, and needs no fsync of them
  }
  try {
    await syncDirectory(fd);
  } finally {
    await closeFile(fd);
  }
}

/** Some file systems (SMB, some of FUSE) have no fsync for directories; there is nothing better to do there. */
async function syncDirectory(fd: number): Promise<void> {
  try {
    await syncFile(fd);
  } catch (error) {
    if (!["EINVAL", "EPERM", "ENOTSUP", "EBADF", "EISDIR"].includes(codeOf(error) ?? "")) throw error;
  }
}

function withSlash(path: string): string {
  return path.endsWith("/") ? path : `${path}/`;
}

function toSlashes(path: string): string {
  return sep === "\\" ? path.replaceAll("\\", "/") : path;
}
