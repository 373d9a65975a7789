/** The thread of the index: a `NameKeeper` behind messages. Imported elsewhere it does nothing. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { NameKeeper } from "./name-keeper.ts";
import type { Ask, KeeperOptions, Told } from "./protocol.ts";

if (parentPort) answerAt(parentPort);

function answerAt(port: MessagePort): void {
  const tell = (told: Told) => port.postMessage(told);
  const keeper = new NameKeeper(workerData as KeeperOptions, (heeded) => tell({ heeded }));
  const answer = (asked: Exclude<Ask, { readonly ask: "touched" }>): unknown =>
    asked.ask === "search" ? keeper.search(asked.request) : keeper[asked.ask]();
  port.on("message", (asked: Ask) => {
    if (asked.id === undefined) {
      keeper.touched();
      return;
    }
    try {
      tell({ id: asked.id, value: answer(asked) });
    } catch (error) {
      tell({ id: asked.id, failure: error instanceof Error ? error.message : String(error) });
    }
    if (asked.ask === "close") port.close();
  });
}
