/** The kinds `copy` and `move`: between storages, where one call to a service does not do it. */
import type { Settings } from "../../store/settings.ts";
import type { Vfs } from "../../vfs/api.ts";
import { FailedForGood } from "../failure.ts";
import type { TaskKind, TaskRun } from "../kind.ts";
import { carry } from "./carry.ts";
import { clearSource } from "./clear-source.ts";
import { planTransfer } from "./plan.ts";
import { beginTransfer, demandTransfer, type How, type TransferInput, transferInput } from "./transfer.ts";

/** A copy has three steps: what there is, what is to be done, done; a move then clears the source. Each is written down as it goes. */
export function transferKind(how: How, vfs: Vfs, settings: Pick<Settings, "get">): TaskKind<TransferInput> {
  return {
    name: how,
    get workers() {
      return settings.get(`${how}_task_threads_num`);
    },
    input: transferInput,
    describe: ({ from, to }) => ({ from, to }),
    check: (input, rights, signal) => demandTransfer(vfs, how, input, rights, signal),
    async run(input, run) {
      await demandTransfer(vfs, how, input, run.rights, run.signal);
      const t = beginTransfer(vfs, how, input, run);
      await planTransfer(t);
      run.progress(await run.items.totals());
      if (t.planOnly) return;
      run.step(how === "copy" ? "copying" : "moving");
      await carry(t);
      await refuseFailed(run);
      if (how === "move") await clearSource(t);
      await refuseFailed(run);
      run.progress(await run.items.totals());
    },
  };
}

/** What failed for good makes the task fail, when all else is done. */
async function refuseFailed({ items }: TaskRun): Promise<void> {
  const [first] = await items.failed(1);
  if (!first) return;
  const { filesFailed, files } = await items.totals();
  const message =
    filesFailed > 1 ? `${filesFailed} of ${files} files failed; the first: ${first.message}` : first.message;
  throw new FailedForGood(first.kind ?? "upstream", message);
}
