/** What a driver's methods cannot say about its service, and the capabilities that follow from both. */
import type { HashName, Mount } from "./mount.ts";

/** What the service does with names. */
export interface NameRules {
  /** Longest name in bytes of UTF-8; absent when there is no limit below the path's own 255. */
  readonly maxBytes?: number;
  /** Longest name in UTF-16 units. */
  readonly maxCharacters?: number;
  /** Printable ASCII characters that the service refuses in a name, such as `:*?"<>|`. The vfs maps them to full-width forms. */
  readonly forbidden?: string;
  /** True when names with a trailing dot or space are refused or cut. */
  readonly noTrailingDotOrSpace?: boolean;
  /** True when the service may list names that hold `/` or NUL, which no path can carry. */
  readonly holdsSeparators?: boolean;
  /** True when `a` and `A` are one name. */
  readonly caseInsensitive?: boolean;
  /** True when a rename cannot change a file's extension (115). */
  readonly extensionFixedOnRename?: boolean;
}

export interface Traits {
  /** `stable`: an id survives moves and renames. `path`: the id is the path, rebuilt from names. */
  readonly ids: "stable" | "path";
  /** True when one directory may hold two entries of one name. */
  readonly duplicateNames?: boolean;
  readonly names: NameRules;
  /** Largest file in bytes; absent when there is no limit. */
  readonly maxFileSize?: number;
  /** False when a directory cannot be empty. Default true. */
  readonly emptyDirectories?: boolean;
  /** False when the service refuses empty files, or they are not worth their calls to it: a file is often made empty before its content comes. Default true. */
  readonly emptyFiles?: boolean;
  /** Hashes that listings carry, best first. */
  readonly hashes: readonly HashName[];
  /** Precision of `modifiedAt` in milliseconds; absent when the service has no times. */
  readonly modifiedAtPrecisionMs?: number;
  /** True when `upload` stores `UploadSource.modifiedAt`. */
  readonly setsModifiedAt?: boolean;
  /** What `upload` needs; `size: "optional"` where a stream of unknown length can be stored. */
  readonly upload?: { readonly source: "stream" | "seekable"; readonly size: "required" | "optional" };
  /** `atomic`: `replace` of the driver is one step. `emulated`: the layer `complete` does it beside the old file. */
  readonly replace: "atomic" | "emulated";
  /** What the service does when a move, copy or rename meets an existing name. */
  readonly collision: "error" | "suffix" | "duplicate";
  readonly linkBoundTo?: readonly ("user-agent" | "client-ip" | "cookie")[];
  /** Most connections per file at the upstream. */
  readonly maxConnections?: number;
  /** How long a change may stay invisible in listings, in milliseconds. Default 0. */
  readonly settlesWithinMs?: number;
  /** True where one `stat` costs about as much as a lookup in memory (a local disk). Needs `stat`. */
  readonly cheapStat?: boolean;
  /** How long a listing counts as fresh, in milliseconds, or until somebody asks. Default 30 minutes. */
  readonly freshness?: number | "manual";
}

/** What a mount can do: the methods present and the declared traits. The vfs may withdraw one at run time. */
export interface Capabilities {
  readonly list: true;
  readonly stat: boolean;
  readonly read: boolean;
  readonly link: boolean;
  readonly createDirectory: boolean;
  readonly move: boolean;
  readonly copy: boolean;
  readonly remove: boolean;
  readonly upload: boolean;
  readonly setModifiedAt: boolean;
  readonly receive: boolean;
  readonly thumbnail: boolean;
  readonly usage: boolean;
  readonly watch: boolean;
  readonly offline: boolean;
  readonly trash: boolean;
  readonly traits: Traits;
}

/** The mount's capabilities. `Allow`, the panel, AList's `write` flag, the docs and the contract suite read nothing else. */
export function capabilitiesOf(mount: Mount, traits: Traits): Capabilities {
  return {
    list: true,
    stat: mount.stat !== undefined,
    read: mount.read !== undefined || mount.link !== undefined,
    link: mount.link !== undefined,
    createDirectory: mount.createDirectory !== undefined,
    move: mount.move !== undefined,
    copy: mount.copy !== undefined,
    remove: mount.remove !== undefined,
    upload: mount.upload !== undefined,
    setModifiedAt: mount.setModifiedAt !== undefined,
    receive: mount.receive !== undefined,
    thumbnail: mount.thumbnailLink !== undefined,
    usage: mount.usage !== undefined,
    watch: mount.watch !== undefined,
    offline: mount.offline !== undefined,
    trash: mount.trash !== undefined,
    traits,
  };
}
