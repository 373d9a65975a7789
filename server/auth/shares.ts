/** What users share with whoever has the address and, where there is one, the code (OpenList's shares, alist-api.md §14). */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Selectable } from "kysely";
import { LRUCache } from "lru-cache";
import type { Clock } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import { randomText } from "../store/random-text.ts";
import type { Sealing } from "../store/sealing.ts";
import type { Store } from "../store/store.ts";
import type { ShareTable } from "../store/tables/auth.ts";
import type { Attempts } from "./attempts.ts";
import { AuthError } from "./auth-error.ts";

/** What its owner says of a share. */
export interface ShareInput {
  /** Full paths; at least one. */
  readonly files: readonly string[];
  /** Empty: none. */
  readonly code: string;
  /** Milliseconds since the epoch; undefined: never. */
  readonly expiresAt: number | undefined;
  /** How often it may be opened; 0: as often as anybody likes. */
  readonly maxAccessed: number;
  readonly disabled: boolean;
  readonly remark: string;
  readonly readme: string;
  readonly header: string;
}

export interface Share extends ShareInput {
  readonly id: string;
  readonly userId: number;
  /** How often it has been opened: once per address and half an hour. */
  readonly accessed: number;
}

export interface Shares {
  /** The newest first; everybody's where no user is named. */
  list(userId?: number): Promise<readonly Share[]>;
  get(id: string): Promise<Share | undefined>;
  /** `id` undefined: one is made. Throws `invalid-config` on an id or list of files that cannot be, `already-exists`. */
  create(userId: number, input: ShareInput, id?: string): Promise<Share>;
  /** Throws `not-found`, and as `create`. */
  update(id: string, input: ShareInput): Promise<Share>;
  /** Throws `not-found`. */
  setDisabled(id: string, disabled: boolean): Promise<void>;
  /** Throws `not-found`. */
  remove(id: string): Promise<void>;
  /** The share for who proves that he may open it, from an address; counts as an access. Throws `not-found`, AuthError 403 on a wrong code (which counts as a guess), 429, and as the proof. */
  open(id: string, proof: ShareProof, address: string): Promise<Share>;
}

/** The code, or something of ours that only a share opened by its code gave away: throws AuthError unless it is right. */
export type ShareProof = { readonly code: string } | { demand(share: Share): void };

/** What the signature of a shared file's link signs: another code ends it. */
export function sharedLinkText({ id, code }: Pick<Share, "id" | "code">, inside: string): string {
  return `/@s/${id}${inside}\n${code}`;
}

/** One access of an address counts for so long, in milliseconds (alist-api.md §14). */
const COUNTS_FOR_MS = 30 * 60_000;
const MOST_REMEMBERED = 10_000;
/** Letters of an id that is made: 62^10 of them. */
const ID_LENGTH = 10;
const MOST_FILES = 1_000;
/** What an id may be (alist-api.md §14). */
const ID = /^[\w\p{Script=Han}-]{1,64}$/u;
const PURPOSE = "pandav share code";

/** The shares of a store. */
export function openShares(
  { db }: Pick<Store, "db">,
  { sealing, clock, attempts }: { sealing: Sealing; clock: Clock; attempts: Pick<Attempts, "guess"> },
): Shares {
  const seen = new LRUCache<string, number>({ max: MOST_REMEMBERED });

  async function required(id: string): Promise<Share> {
    const row = await db.selectFrom("share").selectAll().where("id", "=", id).executeTakeFirst();
    if (!row) throw new StorageError("not-found", "the share does not exist");
    return toShare(row, sealing);
  }

  function toRow(input: ShareInput) {
    if (input.files.length === 0) throw new StorageError("invalid-config", "must add at least 1 object");
    if (input.files.length > MOST_FILES)
      throw new StorageError("invalid-config", `a share has at most ${MOST_FILES} objects`);
    return {
      files: JSON.stringify(input.files),
      code: input.code === "" ? null : sealing.seal(input.code, PURPOSE),
      expires_at: input.expiresAt ?? null,
      max_accessed: input.maxAccessed,
      disabled: Number(input.disabled),
      remark: input.remark,
      readme: input.readme,
      header: input.header,
    };
  }

  /** Counts an access, unless this address has been counted of late. */
  async function count(share: Share, address: string): Promise<void> {
    const key = `${share.id}\0${address}`;
    const now = clock.now();
    const last = seen.get(key);
    if (last !== undefined && now - last < COUNTS_FOR_MS) return;
    if (share.maxAccessed > 0 && share.accessed >= share.maxAccessed) throw over();
    seen.set(key, now);
    await db
      .updateTable("share")
      .set((row) => ({ accessed: row("accessed", "+", 1) }))
      .where("id", "=", share.id)
      .execute();
  }

  return {
    async list(userId) {
      const rows = await db
        .selectFrom("share")
        .selectAll()
        .$if(userId !== undefined, (query) => query.where("user_id", "=", userId as number))
        .orderBy("created_at", "desc")
        .orderBy("id")
        .execute();
      return rows.map((row) => toShare(row, sealing));
    },
    async get(id) {
      const row = await db.selectFrom("share").selectAll().where("id", "=", id).executeTakeFirst();
      return row && toShare(row, sealing);
    },
    async create(userId, input, asked) {
      const id = asked ?? randomText(ID_LENGTH);
      if (!ID.test(id)) {
        const may = "letters, numbers, underscores, hyphens, and Chinese characters, at most 64";
        throw new StorageError("invalid-config", `share id can only contain ${may}`);
      }
      const row = { id, user_id: userId, ...toRow(input), created_at: clock.now() };
      const { numInsertedOrUpdatedRows } = await db
        .insertInto("share")
        .values(row)
        .onConflict((c) => c.doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows === 0n) throw new StorageError("already-exists", `a share "${id}" exists already`);
      return required(id);
    },
    async update(id, input) {
      await required(id);
      await db.updateTable("share").set(toRow(input)).where("id", "=", id).execute();
      return required(id);
    },
    async setDisabled(id, disabled) {
      await required(id);
      await db
        .updateTable("share")
        .set({ disabled: Number(disabled) })
        .where("id", "=", id)
        .execute();
    },
    async remove(id) {
      await required(id);
      await db.deleteFrom("share").where("id", "=", id).execute();
    },
    async open(id, proof, address) {
      const share = await required(id);
      // Before the code: of a share that is over nothing is told, and nothing can be guessed.
      if (share.disabled || (share.expiresAt !== undefined && share.expiresAt <= clock.now())) throw over();
      const code = "code" in proof ? proof.code : "";
      if ("demand" in proof) proof.demand(share);
      else if (
        share.code !== "" &&
        !(code !== "" && attempts.guess(`share ${id}`, address, () => isSame(code, share.code)))
      ) {
        throw new AuthError(403, "wrong share code");
      }
      await count(share, address);
      return share;
    },
  };
}

function over(): StorageError {
  return new StorageError("not-found", "the share has expired or is no longer valid");
}

function toShare(row: Selectable<ShareTable>, sealing: Sealing): Share {
  return {
    id: row.id,
    userId: row.user_id,
    files: JSON.parse(row.files) as string[],
    code: row.code === null ? "" : unseal(row.code, sealing),
    expiresAt: row.expires_at ?? undefined,
    accessed: row.accessed,
    maxAccessed: row.max_accessed,
    disabled: row.disabled !== 0,
    remark: row.remark,
    readme: row.readme,
    header: row.header,
  };
}

/** A code that cannot be read keeps its share shut: it becomes one that nobody can guess. */
function unseal(sealed: string, sealing: Sealing): string {
  try {
    return sealing.open(sealed, PURPOSE, (why) => new StorageError("unauthenticated", `a share's code: ${why}`));
  } catch {
    return sealed;
  }
}

function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
