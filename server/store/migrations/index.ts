/** The durable database's migrations, oldest first. A released one is never edited. */
import type { Migrations } from "../migrate.ts";
import { up as first } from "./0001-first.ts";
import { up as accounts } from "./0002-accounts.ts";
import { up as uploadCheckpoints } from "./0003-upload-checkpoints.ts";

export const migrations: Migrations = {
  "0001-first": { up: first },
  "0002-accounts": { up: accounts },
  "0003-upload-checkpoints": { up: uploadCheckpoints },
};
