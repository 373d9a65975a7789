/** Clears away the buffers of bytes that passed, before V8 takes them for a heap that grows. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Bytes between two clearings. Buffers die young, yet V8 looks for young garbage only when small objects fill their space: until then it counts buffers
 * as growth of the old heap, and marks all of it for every 12 MB of them where the heap is small. A look at the young objects takes half a millisecond.
 */
const EVERY_BYTES = 4 * 2 ** 20;

type Collect = (options: { readonly type: "minor" }) => void;

let collect: Collect | undefined;
let since = 0;

/** Says that so many bytes came into memory which will soon be on their way out of it. */
export function bytesCame(count: number): void {
  since += count;
  if (since < EVERY_BYTES) return;
  since = 0;
  collect ??= collector();
  collect({ type: "minor" });
}

/** V8's own function. A context that is made after the flag is set has it, however the process was started. Where there is none, V8 goes its own way. */
function collector(): Collect {
  setFlagsFromString("--expose-gc");
  const found: unknown = runInNewContext("globalThis.gc");
  setFlagsFromString("--no-expose-gc");
  return typeof found === "function" ? (found as Collect) : () => {};
}
