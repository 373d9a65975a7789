import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const WATCHED = new URL("../../../server/layers/watched-stream.ts", import.meta.url).href;

/** Reads half a GiB of buffers that are made one by one, as sockets make them, and prints how often the whole heap was marked. */
const PROGRAM = `
import { constants, PerformanceObserver } from "node:perf_hooks";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { onBytes } from ${JSON.stringify(WATCHED)};

let marked = 0;
const isMajor = ({ detail: { kind } }) => kind === constants.NODE_PERFORMANCE_GC_MAJOR;
new PerformanceObserver((list) => { marked += list.getEntries().filter(isMajor).length; }).observe({ entryTypes: ["gc"] });
let left = 8192;
const stream = new Readable({
  read() {
    setImmediate(() => this.push(left-- > 0 ? Buffer.allocUnsafeSlow(65536) : null));
  },
});
await finished(onBytes(stream, () => {}).resume());
await new Promise((resolve) => setTimeout(resolve, 20));
console.log(marked);
`;

it("lets bytes pass without a look at the whole heap for every 50 MB of them", async () => {
  const args = ["--max-semi-space-size=4", "--input-type=module", "--eval", PROGRAM];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
  expect(Number(stdout)).toBeLessThanOrEqual(2);
});
