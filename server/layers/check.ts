/** Refuses arguments that no driver should have to judge, and answers that no caller could trust. */
import { StorageError } from "#drivers/contract/errors.ts";
import type { BatchResult, Entry } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { checkedBatch, checkedEntry, checkedLink, checkedPage, checkedStream, checkedUsage } from "./check-answer.ts";
import { checkDirectory, checkFile, checkNameFor, checkOutside, checkRange, checkUpload } from "./check-arguments.ts";
import { around, type Call, type Layer, optionsOf } from "./layer.ts";

/**
 * Arguments: `invalid-name`, `not-a-directory`, `is-a-directory`, `range-not-satisfiable`, `permission-denied` (a directory into itself), `too-large`, `unsupported`.
 * Answers that break the contract: `upstream`, before anybody reads them.
 */
export function check(traits: Traits): Layer {
  return (inner) =>
    around(inner, {
      async call(call, next) {
        optionsOf(call).signal.throwIfAborted();
        checkArguments(call, traits, inner.trash !== undefined);
        return checkAnswer(call, await next());
      },
      async *list(directory, o, next) {
        o.signal.throwIfAborted();
        checkDirectory(directory);
        for await (const page of next()) yield checkedPage(page);
      },
      trash: {
        async call({ operation, ids, o }, next) {
          o.signal.throwIfAborted();
          const answer = await next();
          return ids && operation !== "trash.empty" ? checkedBatch(answer as BatchResult, ids.length) : answer;
        },
      },
    });
}

function checkArguments(call: Call, traits: Traits, hasTrash: boolean): void {
  switch (call.operation) {
    case "link":
    case "thumbnailLink":
      checkFile(call.args[0]);
      break;
    case "read":
      checkFile(call.args[0]);
      checkRange(call.args[1]);
      break;
    case "createDirectory":
      checkDirectory(call.args[0]);
      checkNameFor(call.args[1], traits);
      break;
    case "upload":
      checkDirectory(call.args[0]);
      checkNameFor(call.args[1], traits);
      checkUpload(call.args[2], traits);
      break;
    case "move":
    case "copy":
      checkTarget(call.args[0], call.args[1], call.args[2].name, traits);
      checkOutside(call.args[0], call.args[1], traits);
      break;
    case "receive":
      checkTarget(call.args[0], call.args[2], call.args[3].name, traits);
      break;
    case "remove":
      if (call.args[1].mode === "trash" && !hasTrash) {
        throw new StorageError("unsupported", "this storage has no recycle bin: remove permanently");
      }
      break;
    case "setModifiedAt":
      if (!Number.isFinite(call.args[1])) throw new StorageError("unsupported", "the file's time is not a number");
      break;
  }
}

function checkTarget(entries: readonly Entry[], parent: Entry, name: string | undefined, traits: Traits): void {
  checkDirectory(parent);
  if (name === undefined) return;
  if (entries.length !== 1) throw new StorageError("unsupported", "only one entry at a time can be given a new name");
  checkNameFor(name, traits);
}

function checkAnswer(call: Call, answer: unknown): unknown {
  switch (call.operation) {
    case "root":
      return checkedEntry(answer, { isRoot: true });
    case "stat":
      return checkedEntry(answer, { isRoot: call.args[0].length === 0 });
    case "createDirectory":
    case "upload":
    case "setModifiedAt":
      return checkedEntry(answer);
    case "link":
    case "thumbnailLink":
      return checkedLink(answer);
    case "read":
      return checkedStream(answer);
    case "move":
    case "copy":
    case "remove":
    case "receive":
      return checkedBatch(answer as BatchResult, call.args[0].length);
    case "usage":
      return checkedUsage(answer);
    default:
      return answer;
  }
}
