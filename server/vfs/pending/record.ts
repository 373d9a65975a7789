/** Content that was accepted and waits in the spool for its upload, as it stands in the durable database (architecture.md §6, decision 0021). */
import type { Selectable } from "kysely";
import type { ErrorKind } from "#drivers/contract/errors.ts";
import type { Conflict, Entry, Hashes } from "#drivers/contract/mount.ts";
import type { PendingUploadTable } from "../../store/tables/vfs.ts";

export type PendingRow = Selectable<PendingUploadTable>;

/** What an upload failed with, for people. */
export interface PendingFailure {
  /** One line, without secrets. */
  readonly message: string;
  readonly kind?: ErrorKind | undefined;
}

/** Entries of one name in a directory of a storage. */
export interface Leftover {
  readonly directory: Entry;
  readonly entries: readonly Entry[];
}

/** One file that waits. Immutable. */
export interface PendingRecord {
  /** Of its spool file and its task, and the version of the entry that shows it. */
  readonly id: string;
  readonly storageId: number;
  /** The visible path inside the mount as it last was. */
  readonly inside: string;
  readonly movingTo?: string | undefined;
  readonly isBeingRemoved: boolean;
  /** The name as the upstream will have it. */
  readonly rawName: string;
  readonly size: number;
  /** All verified. */
  readonly hashes: Hashes;
  /** True where the client named a digest, which is then remembered. */
  readonly isClaimed: boolean;
  /** Milliseconds since the epoch, as the other times. */
  readonly modifiedAt: number;
  readonly createdAt: number;
  /** What the storage had under the name when the content was accepted. */
  readonly base?: Entry | undefined;
  /** What the storage still has where the file was before it was moved. */
  readonly leftover?: Leftover | undefined;
  readonly conflict: Exclude<Conflict, "rename">;
  readonly userId?: number | undefined;
  readonly at: number;
  /** True once the storage may have something of it. */
  readonly isStarted: boolean;
  readonly failure?: PendingFailure | undefined;
}

/** What may change of a record, each with its column. */
const CHANGING = {
  storageId: "storage_id",
  inside: "inside",
  movingTo: "moving_to",
  isBeingRemoved: "removing",
  rawName: "raw_name",
  modifiedAt: "modified_at",
  base: "base",
  leftover: "leftover",
  conflict: "conflict",
  isStarted: "started",
  failure: "failure",
} as const satisfies Partial<Record<keyof PendingRecord, keyof PendingRow>>;

export type PendingPatch = Partial<Pick<PendingRecord, keyof typeof CHANGING>>;

/** The columns of a patch alone. */
export function toColumns(record: PendingRecord, patch: PendingPatch): Partial<PendingRow> {
  const row = toRow({ ...record, ...patch });
  const keys = Object.keys(patch) as (keyof PendingPatch)[];
  return Object.fromEntries(keys.map((key) => [CHANGING[key], row[CHANGING[key]]]));
}

export function toRow(record: PendingRecord): PendingRow {
  return {
    id: record.id,
    storage_id: record.storageId,
    inside: record.inside,
    moving_to: record.movingTo ?? null,
    removing: Number(record.isBeingRemoved),
    raw_name: JSON.stringify(record.rawName),
    size: record.size,
    hashes: JSON.stringify(record.hashes),
    claimed: Number(record.isClaimed),
    modified_at: record.modifiedAt,
    created_at: record.createdAt,
    base: record.base ? JSON.stringify(record.base) : null,
    leftover: record.leftover ? JSON.stringify(record.leftover) : null,
    conflict: record.conflict,
    user_id: record.userId ?? null,
    at: record.at,
    started: Number(record.isStarted),
    failure: record.failure ? JSON.stringify(record.failure) : null,
  };
}

export function toRecord(row: PendingRow): PendingRecord {
  return {
    id: row.id,
    storageId: row.storage_id,
    inside: row.inside,
    movingTo: row.moving_to ?? undefined,
    isBeingRemoved: row.removing === 1,
    rawName: JSON.parse(row.raw_name) as string,
    size: row.size,
    hashes: JSON.parse(row.hashes) as Hashes,
    isClaimed: row.claimed === 1,
    modifiedAt: row.modified_at,
    createdAt: row.created_at,
    base: row.base === null ? undefined : (JSON.parse(row.base) as Entry),
    leftover: row.leftover === null ? undefined : (JSON.parse(row.leftover) as Leftover),
    conflict: row.conflict as PendingRecord["conflict"],
    userId: row.user_id ?? undefined,
    at: row.at,
    isStarted: row.started === 1,
    failure: row.failure === null ? undefined : (JSON.parse(row.failure) as PendingFailure),
  };
}

/** The entry that shows it. */
export function entryOfPending({ id, rawName, size, modifiedAt, createdAt, hashes }: PendingRecord): Entry {
  return {
    id: `pandav-pending:${id}`,
    name: rawName,
    kind: "file",
    size,
    modifiedAt,
    createdAt,
    version: id,
    hashes,
  };
}
