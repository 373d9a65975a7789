/** The durable database's migrations, oldest first. A released one is never edited. */
import type { Migrations } from "../migrate.ts";
import { up as first } from "./0001-first.ts";
import { up as accounts } from "./0002-accounts.ts";
import { up as uploadCheckpoints } from "./0003-upload-checkpoints.ts";
import { up as locks } from "./0004-locks.ts";
import { up as remembered } from "./0005-remembered.ts";
import { up as users } from "./0006-users.ts";
import { up as audit } from "./0007-audit.ts";
import { up as moving } from "./0008-moving.ts";
import { up as shares } from "./0009-shares.ts";
import { up as tasks } from "./0010-tasks.ts";
import { up as placeholders } from "./0011-placeholders.ts";
import { up as pending } from "./0012-pending.ts";
import { up as crawling } from "./0013-crawling.ts";
import { up as importAndNotices } from "./0014-import-and-notices.ts";

export const migrations: Migrations = {
  "0001-first": { up: first },
  "0002-accounts": { up: accounts },
  "0003-upload-checkpoints": { up: uploadCheckpoints },
  "0004-locks": { up: locks },
  "0005-remembered": { up: remembered },
  "0006-users": { up: users },
  "0007-audit": { up: audit },
  "0008-moving": { up: moving },
  "0009-shares": { up: shares },
  "0010-tasks": { up: tasks },
  "0011-placeholders": { up: placeholders },
  "0012-pending": { up: pending },
  "0013-crawling": { up: crawling },
  "0014-import-and-notices": { up: importAndNotices },
};
