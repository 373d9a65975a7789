/** Tables of the notices (`server/notify`). */

export interface NotifyTables {
  notice: NoticeTable;
  notice_channel: NoticeChannelTable;
}

/** How something is, as its owner was last told; and what he is still to be told. */
export interface NoticeTable {
  /** `account:3`, `mount:5`, `task:…` */
  subject: string;
  state: string;
  at: number;
  /** JSON: the notice and the channels that have not delivered it. Null: told. */
  waiting: string | null;
}

/** A way in which the owner is told. */
export interface NoticeChannelTable {
  kind: string;
  /** JSON, without secrets. */
  settings: string;
  /** JSON, sealed (`server/store/sealing.ts`); null without any. */
  secrets: string | null;
  /** When it last delivered, or failed for good. */
  last_at: number | null;
  /** Null where it delivered. */
  last_error: string | null;
}
