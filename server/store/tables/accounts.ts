/** Tables of `server/accounts`. */

export interface AccountTables {
  account: AccountTable;
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
