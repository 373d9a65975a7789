/** Tables of `server/auth`. */
import type { Generated } from "kysely";

export interface AuthTables {
  user: UserTable;
  session: SessionTable;
  api_token: ApiTokenTable;
  meta: MetaTable;
  share: ShareTable;
  audit: AuditTable;
  adopted_login: AdoptedLoginTable;
  ended_token: EndedTokenTable;
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

/** A user whose logins at the server that he came from go on (alist-api.md §4.4). */
export interface AdoptedLoginTable {
  user_id: number;
  /** Unix seconds: tokens that were made later are none of that server's. */
  issued_until: number;
}

/** A token of another server that has ended here before its time. */
export interface EndedTokenTable {
  /** As its session's. */
  id: string;
  expires_at: number;
}
