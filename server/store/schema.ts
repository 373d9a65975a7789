/** The tables of the durable database. Only what SQLite and PostgreSQL both hold in the same way: text, integer, bigint, double precision; JSON as text, times as ms, flags as 0/1. */
import type { Generated } from "kysely";

export interface Schema {
  setting: SettingTable;
  counter: CounterTable;
  account: AccountTable;
  storage: StorageTable;
  storage_state: StorageStateTable;
  user: UserTable;
  session: SessionTable;
  overlay: OverlayTable;
  replacement: ReplacementTable;
  upload_checkpoint: UploadCheckpointTable;
  pending_upload: PendingUploadTable;
  lock: LockTable;
  moving: MovingTable;
  api_token: ApiTokenTable;
  meta: MetaTable;
  remembered: RememberedTable;
  audit: AuditTable;
  task: TaskTable;
  task_item: TaskItemTable;
  share: ShareTable;
}

/** What a user shares with whoever has its address (OpenList's shares, alist-api.md §14). */
export interface ShareTable {
  id: string;
  user_id: number;
  /** JSON: full paths. */
  files: string;
  /** Sealed (`server/store/sealing.ts`); null without one. */
  code: string | null;
  expires_at: number | null;
  /** How often it has been opened, and may be; 0: as often as anybody likes. */
  accessed: Generated<number>;
  max_accessed: number;
  disabled: number;
  created_at: number;
  remark: string;
  readme: string;
  header: string;
}

/** One setting, its value as JSON. */
export interface SettingTable {
  key: string;
  value: string;
}

/** Counters whose values are never given twice: `node` keys of the tree are taken in blocks. */
export interface CounterTable {
  name: string;
  next: number;
}

/** One login at one service; many storages share it. */
export interface AccountTable {
  /** Taken from the counter `account`. */
  id: number;
  /** Account kind of the registry. */
  kind: string;
  /** Who it is at the service; one row per kind and user. */
  user_id: string;
  name: string;
  /** Sealed (`server/accounts/vault.ts`); null once it was forgotten. */
  credential: string | null;
  /** `Health` in columns. */
  health: string;
  until: number | null;
  reason: string | null;
  /** Requests a second, or null for the kind's own budget. */
  rate: number | null;
  created_at: number;
  modified_at: number;
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
}

/** Key-value pairs of one mount's driver (`DriverEnv.state`). */
export interface StorageStateTable {
  storage_id: number;
  key: string;
  value: string;
}

export interface UserTable {
  id: Generated<number>;
  name: string;
  /** PHC text of argon2id over AList's static hash (alist-api.md §4.2). */
  password: string;
  /** Unix seconds of the last password change, 0 for never. */
  password_changed_at: number;
  /** `admin`, `general` or `guest`. */
  role: string;
  base_path: string;
  /** AList's bits (alist-api.md §4.7). */
  permission: number;
  disabled: number;
  /** The secret of the second factor, sealed (`server/store/sealing.ts`); null without one. */
  totp: string | null;
  /** The last time step whose code was accepted: no code is good twice (RFC 6238 §5.2). */
  totp_step: Generated<number>;
}

/** A login that has not ended; the token carries its id. */
export interface SessionTable {
  id: string;
  user_id: number;
  created_at: number;
  expires_at: number;
  last_used_at: number;
  user_agent: string;
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

/** A token that somebody made for a program of his. */
export interface ApiTokenTable {
  id: Generated<number>;
  user_id: number;
  name: string;
  /** SHA-256 of the token, hexadecimal: 256 random bits need no slow hash. */
  hash: string;
  /** `read`, `write` or `admin`. */
  scope: string;
  /** What the token's holder sees as `/`, inside the user's base path. */
  path: string;
  created_at: number;
  /** Null: never. */
  expires_at: number | null;
  last_used_at: number | null;
}

/** Rules of one folder (alist-api.md §4.9, §12.5); flags are 0 or 1. */
export interface MetaTable {
  id: Generated<number>;
  path: string;
  /** Sealed (`server/store/sealing.ts`); null without one. */
  password: string | null;
  p_sub: number;
  write: number;
  w_sub: number;
  /** Patterns of names, one a line. */
  hide: string;
  h_sub: number;
  readme: string;
  r_sub: number;
  header: string;
  header_sub: number;
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

/** What happened that an owner may want to look up later: logins, changes of rights and storages, deletions. */
export interface AuditTable {
  id: Generated<number>;
  /** Milliseconds since the epoch. */
  at: number;
  /** `login`, `user.create`, … */
  action: string;
  /** 0 or 1. */
  ok: number;
  /** The name at that time: users may be gone. Empty: nobody known. */
  user: string;
  /** IP address; empty on the control socket. */
  address: string;
  /** What it was done to: a name, an id, a path; never a secret. */
  subject: string;
}

/** Work that outlives the request that asked for it, and restarts. */
export interface TaskTable {
  /** 21 random characters, as AList's are (alist-api.md §13). */
  id: string;
  /** In the order of asking; from the counter `task`. */
  number: number;
  kind: string;
  /** `TaskState` of server/tasks/api.ts. */
  state: string;
  user_id: number;
  /** The user's name when he asked. */
  creator: string;
  /** What he was allowed when he asked: a token may allow less than its user may. */
  role: string;
  base_path: string;
  permission: number;
  /** JSON, by the schema of its kind. */
  input: string;
  /** What it does at present, for people. */
  step: string;
  /** Empty: none. */
  error: string;
  error_kind: string | null;
  error_class: string | null;
  /** Runs that failed since the last one that came further. */
  tries: number;
  /** When it is tried again; null unless it waits for that. */
  next_at: number | null;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  /** JSON of `Totals`. */
  totals: string;
  /** JSON of `Plan`; null until it is known. */
  plan: string | null;
}

/** One file or directory of a task that handles many. */
export interface TaskItemTable {
  task_id: string;
  /** A directory's is lower than those of what is in it. */
  n: number;
  /** `n` of the directory around it; null for the first. */
  parent: number | null;
  /** Below what the task is about; empty for that itself. */
  path: string;
  kind: string;
  /** `ItemState` of server/tasks/items.ts. */
  state: string;
  /** `receive`, `bytes` or `skip`. */
  way: string;
  /** What lay at its target when it was planned: `nothing`, `other` or `equal`. */
  found: string;
  /** 1 where the task has stored what lies at its target. */
  made: number;
  size: number | null;
  /** Of the source, when it was copied. */
  etag: string | null;
  error: string;
  error_kind: string | null;
}
