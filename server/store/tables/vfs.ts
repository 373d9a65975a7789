/** Tables of `server/vfs`. */
import type { Generated } from "kysely";

export interface VfsTables {
  storage: StorageTable;
  storage_state: StorageStateTable;
  overlay: OverlayTable;
  replacement: ReplacementTable;
  upload_checkpoint: UploadCheckpointTable;
  pending_upload: PendingUploadTable;
  remembered: RememberedTable;
  moving: MovingTable;
  lock: LockTable;
}

/** One mount as its owner set it up. */
export interface StorageTable {
  id: Generated<number>;
  mount_path: string;
  /** Driver id of the registry. */
  driver: string;
  /** The driver's settings as JSON; no secret but a share's code. */
  settings: string;
  sort_order: number;
  remark: string;
  disabled: number;
  /** JSON of `Freshness`, or null for the driver's default. */
  freshness: string | null;
  /** `auto`, `proxy` or `redirect`. */
  delivery: string;
  created_at: number;
  modified_at: number;
  account_id: number | null;
  /** `auto`, `keep` or `pass`: whether empty files and file managers' own are kept here. */
  placeholders: Generated<string>;
  /** `through`, `back` or `auto`; null: as the driver needs. */
  write_mode: Generated<string | null>;
  /** How long `auto` waits for the upload, in milliseconds; null for the default. */
  reply_within: Generated<number | null>;
  /** Of a storage of another server that cannot be mounted yet: that server's form of it, sealed. Null for all else. */
  kept: string | null;
}

/** Key-value pairs of one mount's driver (`DriverEnv.state`). */
export interface StorageStateTable {
  storage_id: number;
  key: string;
  value: string;
}

/** A local change that a listing may not yet know (architecture.md §5). */
export interface OverlayTable {
  storage_id: number;
  parent_n: number;
  /** The visible name. */
  name: string;
  /** The node's key; 0 where a name was removed that the tree did not know. */
  n: number;
  /** `put` or `remove`. */
  op: string;
  /** JSON: of a put the `Entry`, of a removal what is needed to know the entry again (`id`, `name`, `kind`), null where the tree did not know it. */
  entry: string | null;
  /** `pending` or `committed`. */
  state: string;
  at: number;
  /** Of a placeholder, which is pending until the service has content under its name: what we keep of it, in base64. Null for all else. */
  content: string | null;
}

/** A replace in progress of a service that cannot do it in one step: the journal of the layer `complete`. */
export interface ReplacementTable {
  id: Generated<number>;
  storage_id: number;
  /** JSON: what is needed to finish or undo it. */
  state: string;
  at: number;
}

/** How far an upload is that may go on after a restart: what its driver saved (`Checkpoint`), by where it goes and what it is of. */
export interface UploadCheckpointTable {
  storage_id: number;
  /** `Entry.id` of the directory, as a JSON string: ids and names may hold lone surrogates, which SQLite cannot. */
  parent_id: string;
  /** The name that was asked for, as a JSON string. */
  name: string;
  size: number;
  /** Tells the same content again: a hash of it, or the file that it lies in and its time. */
  identity: string;
  /** JSON, the driver's own. */
  state: string;
  /** When it was last saved. */
  at: number;
}

/** Content that was accepted and waits in the spool for its upload. Where it is shown, its overlay row says: both are written together. */
export interface PendingUploadTable {
  /** Of its spool file, its task, and, as its version, of its overlay row's entry. */
  id: string;
  storage_id: number;
  /** The visible path inside the mount as it last was: for the day when the tree, and with it the directory's key, is lost. */
  inside: string;
  /** Where its directory is being moved, until it is there. */
  moving_to: string | null;
  /** 1 while its directory is being removed. */
  removing: Generated<number>;
  /** The name as the upstream will have it, as a JSON string. */
  raw_name: string;
  size: number;
  /** JSON of `Hashes`, all verified. */
  hashes: string;
  /** 1 where the client named a digest. */
  claimed: number;
  modified_at: number;
  created_at: number;
  /** JSON of the `Entry` that the storage had under the name when the content was accepted; null: none. */
  base: string | null;
  /** JSON of what the storage still has where the file was before it was moved, with its directory; null: nothing. */
  leftover: string | null;
  /** `replace` or `fail`. */
  conflict: string;
  /** Who sent it; null: nobody known. */
  user_id: number | null;
  /** When it was accepted. */
  at: number;
  /** 1 once the storage may have something of it. */
  started: Generated<number>;
  /** JSON of what its upload failed with; null: it has not failed for good. */
  failure: string | null;
}

/** What is remembered of a file or directory beside what its storage says: one row per node of the tree. */
export interface RememberedTable {
  m: Generated<number>;
  storage_id: number;
  /** The node's key; null where the tree has not met the entry yet (a copy's content). */
  n: number | null;
  /** The tree file that gave the key (`Tree.birth`): in another one, the key means nothing. */
  tree: number;
  /** `Entry.id` as a JSON string: by it and the name the entry is known again when the tree was lost. */
  id: string;
  /** The upstream's name as a JSON string. */
  name: string;
  /** What `modified_at` and `hashes` belong to: the entry's size, version and own time when they were stored. */
  size: number | null;
  version: string | null;
  dated: number | null;
  /** The file's time, where the storage does not take it. */
  modified_at: number | null;
  /** JSON of `Hashes`. */
  hashes: string | null;
  /** Dead properties: JSON of `[namespace, local name, element]`s. */
  properties: string | null;
  /** Of the content, where it was told before the storage had it. */
  etag: string | null;
  at: number;
}

/** A move on its way, whose remembered rows have not followed yet. */
export interface MovingTable {
  id: Generated<number>;
  storage_id: number;
  /** JSON, `MoveJournal`'s. */
  state: string;
}

/** A write lock that somebody holds on a file or directory (RFC 4918 §6); it counts while the node `n` lies at `path`. */
export interface LockTable {
  /** `urn:uuid:…` */
  token: string;
  storage_id: number;
  /** The node's key. */
  n: number;
  /** `Entry.id` of what was locked, as a JSON string: ids may hold lone surrogates, which SQLite cannot. */
  entry_id: string;
  /** Inside the mount, `/` for its root; the last segment is the name. */
  path: string;
  /** `exclusive` or `shared`. */
  scope: string;
  /** `0` or `infinity`. */
  depth: string;
  /** The client's `DAV:owner` element, or empty. */
  owner: string;
  user_id: number;
  expires_at: number;
}
