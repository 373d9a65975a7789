/** Restores a backup as `pandav restore` does, and kills itself at the step that it is told: `restore-child.ts <data> <file> <step>`. The passphrase is on standard input. */
import { text } from "node:stream/consumers";
import { restoreBackup } from "#server/backup/restore.ts";

const [, , dataDir = "", file = "", step = ""] = process.argv;
const passphrase = await text(process.stdin);
await restoreBackup(dataDir, {
  file,
  passphrase,
  now: Date.now(),
  onStep(name) {
    if (name === step) process.kill(process.pid, "SIGKILL");
  },
});
