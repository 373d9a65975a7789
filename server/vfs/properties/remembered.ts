/** What is remembered of nodes beside what their storages say, as it stands in the durable database (architecture.md §5). */
import type { Selectable } from "kysely";
import type { Hashes } from "#drivers/contract/mount.ts";
import type { RememberedTable } from "../../store/tables/vfs.ts";
import type { TreeNode } from "../tree/tree.ts";
import { type DeadProperty, propertiesFromText, propertiesToText } from "./dead-properties.ts";

export type RememberedRow = Selectable<RememberedTable>;

/** Of one file or directory. Immutable. */
export interface Remembered {
  /** Milliseconds since the epoch: the time that somebody gave it, which its storage does not take. */
  readonly modifiedAt?: number | undefined;
  /** Digests of its content that were verified. */
  readonly hashes?: Hashes | undefined;
  readonly properties?: readonly DeadProperty[] | undefined;
  /** The etag of its content, where it was told before the storage had that. */
  readonly etag?: string | undefined;
}

/** What tells the content that a time and digests belong to. */
type Content = Pick<RememberedRow, "size" | "version" | "dated">;

/** A row in memory; its texts are parsed when somebody asks. */
export class KnownRow implements Remembered {
  readonly row: RememberedRow;
  #hashes: Hashes | undefined;
  #properties: readonly DeadProperty[] | undefined;

  constructor(row: RememberedRow) {
    this.row = row;
  }

  get modifiedAt(): number | undefined {
    return this.row.modified_at ?? undefined;
  }
  get hashes(): Hashes | undefined {
    if (this.row.hashes !== null) this.#hashes ??= JSON.parse(this.row.hashes) as Hashes;
    return this.#hashes;
  }
  get properties(): readonly DeadProperty[] | undefined {
    if (this.row.properties !== null) this.#properties ??= propertiesFromText(this.row.properties);
    return this.#properties;
  }
  get etag(): string | undefined {
    return this.row.etag ?? undefined;
  }
}

/** True where the row's time and digests are of what the node is now. A directory's time is whatever somebody said last. */
export function isOfSameContent(row: Content, node: TreeNode): boolean {
  if (node.kind === "directory") return true;
  if (row.size !== (node.size ?? null)) return false;
  if (row.version !== null && node.version !== undefined) return row.version === node.version;
  return row.dated === null || node.modifiedAt === undefined || row.dated === node.modifiedAt;
}

/** True where the node tells more of its content than the storage did when the row was written. */
export function tellsMore(row: Content, node: TreeNode): boolean {
  if (node.kind === "directory" || row.version !== null) return false;
  return node.version !== undefined || (row.dated === null && node.modifiedAt !== undefined);
}

/** The columns that tie what is remembered to a node as it is now. */
export function columnsOf(node: TreeNode): Pick<RememberedRow, "id" | "name" | keyof Content> {
  return {
    id: JSON.stringify(node.id),
    name: JSON.stringify(node.rawName),
    size: node.size ?? null,
    version: node.version ?? null,
    dated: node.modifiedAt ?? null,
  };
}

/** What is remembered as columns; undefined where that is nothing. */
export function valuesOf({
  modifiedAt,
  hashes,
  properties,
  etag,
}: Remembered): Pick<RememberedRow, "modified_at" | "hashes" | "properties" | "etag"> | undefined {
  const values = {
    etag: etag ?? null,
    modified_at: modifiedAt ?? null,
    hashes: hashes && Object.keys(hashes).length > 0 ? JSON.stringify(hashes) : null,
    properties: propertiesToText(properties),
  };
  return Object.values(values).every((value) => value === null) ? undefined : values;
}
