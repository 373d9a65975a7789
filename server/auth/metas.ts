/** Rules that hang on folders: who needs a password, who may write without the right to, which names are hidden, and what is said about them (AList's metas, alist-api.md §4.9, §12.5). */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Insertable, Selectable } from "kysely";
import { StorageError } from "#drivers/contract/errors.ts";
import { parentOf, parsePath } from "#drivers/contract/path.ts";
import type { Sealing } from "../store/sealing.ts";
import type { Store } from "../store/store.ts";
import type { MetaTable } from "../store/tables/auth.ts";
import { hidePatterns } from "./hide-patterns.ts";
import type { Matcher } from "./linear-pattern.ts";

/** The rules of one folder as its owner writes them. A flag `…Sub` says that the rule holds below the folder too. */
export interface MetaInput {
  readonly path: string;
  /** Empty: none. */
  readonly password: string;
  readonly passwordSub: boolean;
  readonly write: boolean;
  readonly writeSub: boolean;
  /** Patterns of names, one a line. */
  readonly hide: string;
  readonly hideSub: boolean;
  readonly readme: string;
  readonly readmeSub: boolean;
  readonly header: string;
  readonly headerSub: boolean;
}

/** The rules of one folder, ready to be asked. */
export interface Meta extends Omit<MetaInput, "password"> {
  readonly id: number;
  readonly hasPassword: boolean;
  /** Compared in constant time. */
  isPassword(given: string): boolean;
  /** True for names that `hide` means. */
  hides: Matcher;
  /** Equal where the same names are hidden: the digest of `hide`. */
  readonly hideKey: string;
}

/** Rules as decisions need them. */
export interface MetaRules {
  /** The rules of the nearest folder that has any: of the path itself, else of the folder above it, …; they are never merged (alist-api.md §4.9). */
  nearest(path: string): Meta | undefined;
  /** Every folder with rules. */
  all(): Iterable<Meta>;
}

export interface Metas extends MetaRules {
  list(): readonly Meta[];
  /** Undefined for an id that nothing has. */
  get(id: number): Meta | undefined;
  /** Throws `invalid-config` on a pattern that cannot be, `already-exists` on a path that has rules, PathError. */
  create(input: MetaInput): Promise<Meta>;
  /** `password: undefined` keeps the one there is. Throws as `create`, and `not-found`. */
  update(id: number, input: Omit<MetaInput, "password"> & { readonly password: string | undefined }): Promise<Meta>;
  /** Throws `not-found`. */
  remove(id: number): Promise<void>;
}

/** No rules anywhere. */
export const NO_METAS: MetaRules = { nearest: () => undefined, all: () => [] };

/** The rules of a store, all in memory: every decision asks them. */
export async function openMetas({ db }: Pick<Store, "db">, sealing: Sealing): Promise<Metas> {
  const byPath = new Map<string, Meta>();
  const remember = (row: Selectable<MetaTable>): Meta => {
    const meta = toMeta(row, sealing);
    byPath.set(meta.path, meta);
    return meta;
  };
  for (const row of await db.selectFrom("meta").selectAll().orderBy("id").execute()) remember(row);
  const get = (id: number) => [...byPath.values()].find((meta) => meta.id === id);
  const required = (id: number): Meta => {
    const found = get(id);
    if (!found) throw new StorageError("not-found", `no folder has rules with the id ${id}`);
    return found;
  };
  const free = (path: string, id?: number) => {
    const other = byPath.get(path);
    if (other && other.id !== id) throw new StorageError("already-exists", `${path} has rules already: change those`);
  };
  return {
    nearest(path) {
      if (byPath.size === 0) return undefined;
      for (let at = path; ; at = parentOf(at)) {
        const found = byPath.get(at);
        if (found || at === "/") return found;
      }
    },
    all: () => byPath.values(),
    list: () => [...byPath.values()].sort((a, b) => a.id - b.id),
    get,
    async create(input) {
      const row = toRow(input);
      free(row.path);
      const password = input.password === "" ? null : sealing.seal(input.password, PURPOSE);
      const made = await db
        .insertInto("meta")
        .values({ ...row, password })
        .returningAll()
        .executeTakeFirstOrThrow();
      return remember(made);
    },
    async update(id, input) {
      const old = required(id);
      const row = toRow(input);
      free(row.path, id);
      const { password } = input;
      const sealed =
        password === undefined ? {} : { password: password === "" ? null : sealing.seal(password, PURPOSE) };
      const made = await db
        .updateTable("meta")
        .set({ ...row, ...sealed })
        .where("id", "=", id)
        .returningAll()
        .executeTakeFirstOrThrow();
      byPath.delete(old.path);
      return remember(made);
    },
    async remove(id) {
      const { path } = required(id);
      await db.deleteFrom("meta").where("id", "=", id).execute();
      byPath.delete(path);
    },
  };
}

/** Not bound to a row, whose id is not known before it is written; a copied password opens no more than the copied row does. */
const PURPOSE = "pandav folder password";

function toRow(input: Omit<MetaInput, "password">): Omit<Insertable<MetaTable>, "password"> {
  hidePatterns(input.hide);
  return {
    path: parsePath(input.path),
    p_sub: Number(input.passwordSub),
    write: Number(input.write),
    w_sub: Number(input.writeSub),
    hide: input.hide,
    h_sub: Number(input.hideSub),
    readme: input.readme,
    r_sub: Number(input.readmeSub),
    header: input.header,
    header_sub: Number(input.headerSub),
  };
}

function toMeta(row: Selectable<MetaTable>, sealing: Sealing): Meta {
  const password = row.password === null ? undefined : digest(unseal(row.path, row.password, sealing));
  return {
    id: row.id,
    path: row.path,
    hasPassword: row.password !== null,
    isPassword: (given) => password !== undefined && timingSafeEqual(digest(given), password),
    passwordSub: row.p_sub !== 0,
    write: row.write !== 0,
    writeSub: row.w_sub !== 0,
    hide: row.hide,
    hideSub: row.h_sub !== 0,
    hides: hidePatterns(row.hide),
    hideKey: digest(row.hide).toString("base64url").slice(0, 22),
    readme: row.readme,
    readmeSub: row.r_sub !== 0,
    header: row.header,
    headerSub: row.header_sub !== 0,
  };
}

/** A password that cannot be read keeps its folder shut: it becomes one that nobody can guess. */
function unseal(path: string, sealed: string, sealing: Sealing): string {
  try {
    return sealing.open(
      sealed,
      PURPOSE,
      (why) => new StorageError("unauthenticated", `the password of ${path}: ${why}`),
    );
  } catch {
    return sealed;
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
