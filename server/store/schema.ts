/** The tables of the durable database, by the rooms that own them. Only what SQLite and PostgreSQL both hold in the same way: text, integer, bigint, double precision; JSON as text, times as ms, flags as 0/1. */
import type { AccountTables } from "./tables/accounts.ts";
import type { AuthTables } from "./tables/auth.ts";
import type { ImportTables } from "./tables/import.ts";
import type { NotifyTables } from "./tables/notify.ts";
import type { StoreTables } from "./tables/store.ts";
import type { TaskTables } from "./tables/tasks.ts";
import type { VfsTables } from "./tables/vfs.ts";

export interface Schema
  extends AccountTables,
    AuthTables,
    ImportTables,
    NotifyTables,
    StoreTables,
    TaskTables,
    VfsTables {}
