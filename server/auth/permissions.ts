/** The one place that decides what a user may do and where: by his base path, AList's bits, and the rules of folders. */
import { isWithin, nameOf, parentOf, parsePath } from "#drivers/contract/path.ts";
import type { Attempts } from "./attempts.ts";
import { AuthError } from "./auth-error.ts";
import type { Meta, MetaRules } from "./metas.ts";
import { type Action, allows, BIT } from "./permission-bits.ts";
import type { User } from "./users.ts";

/** Which front asks: file clients need bits of their own (alist-api.md §4.7). */
type Front = "api" | "webdav";

/** What is done to the filesystem, whatever the front. */
type Verb = "read" | "refresh" | "write" | "rename" | "move" | "copy" | "remove" | "set-properties";

/** What a front asks for each thing that is done. AList's WebDAV asks MOVE's bits of the source and of the target; its API asks of the source to move, and we of the target to write (alist-api.md §21). */
const ACTIONS: Readonly<Record<Front, Readonly<Record<Verb | "move-to" | "copy-to", Action>>>> = {
  api: {
    read: "read",
    refresh: "refresh",
    write: "write",
    rename: "rename",
    move: "move",
    "move-to": "write",
    copy: "copy",
    "copy-to": "write",
    remove: "remove",
    "set-properties": "write",
  },
  webdav: {
    read: "webdav-read",
    refresh: "webdav-read",
    write: "webdav-write",
    rename: "webdav-move",
    move: "webdav-move",
    "move-to": "webdav-move",
    copy: "webdav-copy",
    "copy-to": "webdav-copy",
    remove: "webdav-remove",
    "set-properties": "webdav-properties",
  },
};

/** Actions that a folder's `write` allows without the bit for files; a file client's own bit is still needed (alist-api.md §4.9). */
const BY_META: Partial<Record<Action, Action | "nothing">> = {
  write: "nothing",
  refresh: "nothing",
  "webdav-write": "webdav-properties",
};

/** Names of one directory that a user must not see. */
interface HiddenNames {
  /** Equal keys hide the same names: what is kept of a listing is kept by it. */
  readonly key: string;
  hides(name: string): boolean;
}

/** How a caller came. */
interface RightsOptions {
  readonly front: Front;
  /** What he says for folders with a password; empty or absent: nothing. */
  readonly folderPassword?: string;
  /** The client's, for counting wrong folder passwords. */
  readonly address?: string;
}

/** What one caller may do; every path is a full one. */
export interface Rights {
  readonly user: User;
  readonly front: Front;
  /** Whether he may. A wrong folder password counts as a guess; throws AuthError 429 while he must wait. */
  may(action: Action, path: string): boolean;
  /** Throws AuthError 403 unless he may. */
  demand(action: Action, path: string): void;
  /** Whether he may store things in a directory. */
  mayStoreIn(directory: string): boolean;
  /** Whether a directory's own rule lets everybody store things in it (alist-api.md §4.9). */
  writesByRule(directory: string): boolean;
  /** Whether he may choose the id of a share that he makes. */
  mayChooseShareId(): boolean;
  /** Whether he may do it, by this front's bits. */
  mayVerb(verb: Verb, path: string): boolean;
  /** Throws AuthError 403 unless he may do it, by this front's bits. */
  demandVerb(verb: Verb, path: string): void;
  /** Throws AuthError 403 unless he may move or copy from one path to another; a move inside one directory is a renaming. */
  demandTransfer(how: "move" | "copy", from: string, to: string): void;
  /** Throws AuthError 403 where something below a path is kept from him: what is moved, copied or removed goes whole. */
  demandWhole(path: string): void;
  /** True where a directory hides names from him that another does not hide: what is moved or copied from the one to the other would be shown there. */
  wouldShow(from: string, to: string): boolean;
  /** Whether a search in a directory that he may read may show a path below it: as he may read it and list every folder on the way, but what he said as a password opens the folder alone whose rules hold for that directory. */
  mayFind(path: string, directory: string): boolean;
  /** The names of a directory that are hidden from him; undefined for none. */
  hiddenIn(directory: string): HiddenNames | undefined;
  /** True where a part of a path, below his base path, is a hidden name. */
  isHidden(path: string): boolean;
  /** What is said about a path to who sees it (alist-api.md §6.1). */
  wordsAt(path: string): { readonly readme: string; readonly header: string };
}

export interface Permissions {
  of(user: User, o: RightsOptions): Rights;
}

/** Decisions over the rules of folders. Wrong folder passwords are counted by folder and address, like those of accounts. */
export function createPermissions(metas: MetaRules, attempts: Pick<Attempts, "guess">): Permissions {
  return { of: (user, o) => new CallerRights(user, o, metas, attempts) };
}

class CallerRights implements Rights {
  readonly user: User;
  readonly front: Front;
  readonly #o: RightsOptions;
  readonly #metas: MetaRules;
  readonly #attempts: Pick<Attempts, "guess">;
  readonly #seesHidden: boolean;
  readonly #needsNoPassword: boolean;

  constructor(user: User, o: RightsOptions, metas: MetaRules, attempts: Pick<Attempts, "guess">) {
    this.user = user;
    this.front = o.front;
    this.#o = o;
    this.#metas = metas;
    this.#attempts = attempts;
    const isAdmin = user.role === "admin";
    this.#seesHidden = isAdmin || (user.permission & BIT.see_hides) !== 0;
    this.#needsNoPassword = isAdmin || (user.permission & BIT.access_without_password) !== 0;
  }

  may(action: Action, path: string): boolean {
    return this.#isAllowed(action, path) && this.#isAccessible(path);
  }

  demand(action: Action, path: string): void {
    if (!this.#isAllowed(action, path)) {
      throw new AuthError(403, action === "refresh" ? "Refresh without permission" : "permission denied");
    }
    if (!this.#isAccessible(path)) throw new AuthError(403, "password is incorrect or you have no permission");
  }

  mayStoreIn(directory: string): boolean {
    const action = ACTIONS[this.front].write;
    return this.#isAllowed(action, directory, directory) && this.#isAccessible(directory);
  }

  mayChooseShareId(): boolean {
    const { disabled, role, permission } = this.user;
    return !disabled && (role === "admin" || (permission & BIT.choose_share_id) !== 0);
  }

  writesByRule(directory: string): boolean {
    const meta = this.#metas.nearest(directory);
    return meta?.write === true && covers(meta, directory, meta.writeSub);
  }

  mayVerb(verb: Verb, path: string): boolean {
    return this.may(ACTIONS[this.front][verb], path);
  }

  demandVerb(verb: Verb, path: string): void {
    this.demand(ACTIONS[this.front][verb], path);
  }

  demandTransfer(how: "move" | "copy", from: string, to: string): void {
    const actions = ACTIONS[this.front];
    const isRename = how === "move" && parentOf(from) === parentOf(to);
    this.demand(isRename ? actions.rename : actions[how], from);
    // Who gives another name needs no right to store; the name must not be a hidden one all the same.
    if (isRename) this.demand(actions.rename, to);
    else this.demand(actions[`${how}-to`], to);
    this.demandWhole(from);
    this.demandWhole(to);
  }

  demandWhole(path: string): void {
    for (const meta of this.#metas.all()) {
      if (meta.path === path || !isWithin(meta.path, path)) continue;
      if (this.isHidden(meta.path) || !this.#isOpen(meta, meta.path)) {
        throw new AuthError(403, "permission denied: something in it is kept from you");
      }
      if (!this.#seesHidden && meta.hide !== "") {
        throw new AuthError(403, "permission denied: something in it may be hidden from you");
      }
    }
  }

  wouldShow(from: string, to: string): boolean {
    const hidden = this.hiddenIn(from);
    return hidden !== undefined && hidden.key !== this.hiddenIn(to)?.key;
  }

  mayFind(path: string, directory: string): boolean {
    if (!this.#isAllowed("read", path) || this.isHidden(path)) return false;
    if (this.#needsNoPassword) return true;
    // A folder that he may not list tells its names by no search either.
    for (let at = path; at !== directory && at !== "/"; at = parentOf(at)) {
      const meta = this.#metas.nearest(at);
      if (!meta?.hasPassword || !covers(meta, at, meta.passwordSub)) continue;
      // Of the directory it was asked before. Elsewhere it would be a guess, and one for every hit.
      if (meta !== this.#metas.nearest(directory)) return false;
    }
    return true;
  }

  hiddenIn(directory: string): HiddenNames | undefined {
    if (this.#seesHidden) return undefined;
    const meta = this.#metas.nearest(directory);
    if (!meta || meta.hide === "" || !covers(meta, directory, meta.hideSub)) return undefined;
    return { key: meta.hideKey, hides: meta.hides };
  }

  isHidden(path: string): boolean {
    if (this.#seesHidden) return false;
    const { basePath } = this.user;
    for (let at = path; at !== basePath && at !== "/"; at = parentOf(at)) {
      if (this.hiddenIn(parentOf(at))?.hides(nameOf(at))) return true;
    }
    return false;
  }

  wordsAt(path: string): { readonly readme: string; readonly header: string } {
    const meta = this.#metas.nearest(path);
    return {
      readme: meta && covers(meta, path, meta.readmeSub) ? meta.readme : "",
      header: meta && covers(meta, path, meta.headerSub) ? meta.header : "",
    };
  }

  /** What is stored is judged by the directory that it comes into; what is listed anew, by itself. */
  #isAllowed(action: Action, path: string, directory = action === "refresh" ? path : parentOf(path)): boolean {
    const { user } = this;
    // Without its first bit a file client may do nothing at all (alist-api.md §17.2).
    if (this.front === "webdav" && !may(user, "webdav-read", path)) return false;
    if (may(user, action, path)) return true;
    if (user.disabled || !isWithin(path, user.basePath) || !isWithin(directory, user.basePath)) return false;
    const instead = BY_META[action];
    if (instead === undefined || (instead !== "nothing" && !allows(user.permission, instead))) return false;
    return this.writesByRule(directory);
  }

  /** AList's `CanAccess` (alist-api.md §4.9), for every part of the path that may be hidden. */
  #isAccessible(path: string): boolean {
    if (this.isHidden(path)) return false;
    const meta = this.#metas.nearest(path);
    return meta === undefined || this.#isOpen(meta, path);
  }

  #isOpen(meta: Meta, path: string): boolean {
    if (this.#needsNoPassword || !meta.hasPassword || !covers(meta, path, meta.passwordSub)) return true;
    const { folderPassword, address = "" } = this.#o;
    if (!folderPassword) return false;
    return this.#attempts.guess(`folder ${meta.path}`, address, () => meta.isPassword(folderPassword));
  }
}

function covers(meta: Meta, path: string, below: boolean): boolean {
  return meta.path === path || below;
}

/** Whether the user's base path and bits allow it at a full path. Administrators may do all; a disabled user nothing. Rules of folders are not asked here: that is `Rights`. */
export function may(user: User, action: Action, path: string): boolean {
  if (user.disabled || !isWithin(path, user.basePath)) return false;
  return user.role === "admin" || allows(user.permission, action);
}

/** Throws AuthError 403 unless the user administers this server. */
export function demandAdmin(user: User): void {
  if (user.disabled || user.role !== "admin") throw new AuthError(403, "You are not an admin");
}

/**
 * The full path of what a user calls `path` (not percent-encoded): his base path with it (alist-api.md §4.8).
 * Throws PathError on `..` and other paths that cannot be.
 */
export function fullPath(user: User, path: string): string {
  const inside = parsePath(path);
  if (user.basePath === "/") return inside;
  return inside === "/" ? user.basePath : user.basePath + inside;
}

/** What the user calls a full path inside his base path; undefined for one that he does not see. */
export function visiblePath(user: Pick<User, "basePath">, path: string): string | undefined {
  if (!isWithin(path, user.basePath)) return undefined;
  if (user.basePath === "/") return path;
  return path.slice(user.basePath.length) || "/";
}
