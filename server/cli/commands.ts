/** Every command, in the order of `pandav --help`: one line per file. */
import { addAccounts } from "./accounts.ts";
import { addAudit } from "./audit.ts";
import { addAuth } from "./auth.ts";
import { addBackup } from "./backup.ts";
import { addCat } from "./cat.ts";
import type { AddCommands } from "./definer.ts";
import { addDf } from "./df.ts";
import { addDownload } from "./download.ts";
import { addDu } from "./du.ts";
import { addFind } from "./find.ts";
import { addImport } from "./import.ts";
import { addIndex } from "./index-of-names.ts";
import { addLs } from "./ls.ts";
import { addMkdir } from "./mkdir.ts";
import { addMoveAndCopy } from "./move-copy.ts";
import { addNotify } from "./notify.ts";
import { addRm } from "./rm.ts";
import { addServe } from "./serve.ts";
import { addStat } from "./stat.ts";
import { addStorage } from "./storage.ts";
import { addTasks } from "./tasks.ts";
import { addToken } from "./tokens.ts";
import { addTrash } from "./trash.ts";
import { addTree } from "./tree.ts";
import { addUpload } from "./upload.ts";
import { addUrl } from "./url.ts";
import { addUse } from "./use.ts";
import { addUser } from "./users.ts";

export const COMMANDS: readonly AddCommands[] = [
  addServe,
  addAuth,
  addAccounts,
  addUse,
  addLs,
  addTree,
  addFind,
  addIndex,
  addStat,
  addCat,
  addUrl,
  addUpload,
  addDownload,
  addMkdir,
  addMoveAndCopy,
  addRm,
  addTrash,
  addTasks,
  addDf,
  addDu,
  addStorage,
  addImport,
  addUser,
  addToken,
  addNotify,
  addAudit,
  addBackup,
];
