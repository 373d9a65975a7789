/** The thread of the index: a `NameKeeper` behind messages. */
import { parentPort, workerData } from "node:worker_threads";
import { NameKeeper } from "./name-keeper.ts";
import type { Ask, KeeperOptions, Told } from "./protocol.ts";

const port = parentPort!;
const tell = (told: Told) => port.postMessage(told);
const keeper = new NameKeeper(workerData as KeeperOptions, (heeded) => tell({ heeded }));

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

function answer(asked: Exclude<Ask, { readonly ask: "touched" }>): unknown {
  if (asked.ask === "search") return keeper.search(asked.request);
  return keeper[asked.ask]();
}
