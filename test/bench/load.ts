/** The load generator: a process of its own, so that its CPU time is not the server's. Reads a LoadJob from stdin, prints a LoadResult. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type Answer, openConnection, requestBytes } from "./connection.ts";
import type { LoadJob, LoadResult, RequestsJob, TransferJob } from "./load-job.ts";

const ANSWER_WITHIN_MS = 120_000;
const COUNT_ONE_ANSWER_OF = 20;
const FAILURES_TOLD = 5;
const PUT_CHUNK = 1024 * 1024;

const job = JSON.parse(await text(process.stdin)) as LoadJob;
const tally = { bytes: 0, firstLength: 0, failures: 0, failureExamples: [] as string[], latencies: [] as number[] };
await warmUp();
tally.latencies.length = 0;
tally.bytes = 0;
const startedAt = performance.now();
const cpuBefore = process.cpuUsage();
const requests = job.kind === "requests" ? await runRequests(job) : await runTransfer(job);
const seconds = (performance.now() - startedAt) / 1000;
const cpu = process.cpuUsage(cpuBefore);
const sorted = tally.latencies.sort((a, b) => a - b);
const result: LoadResult = {
  seconds,
  requests,
  bytes: tally.bytes,
  medianMs: sorted[Math.floor(sorted.length / 2)] ?? seconds * 1000,
  p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? seconds * 1000,
  firstLength: tally.firstLength,
  clientCpuSeconds: (cpu.user + cpu.system) / 1e6,
  failures: tally.failures,
  failureExamples: tally.failureExamples,
};
process.stdout.write(`${JSON.stringify(result)}\n`);

/** Lets the generator's own code be compiled before it counts, on a server in this process. */
async function warmUp(): Promise<void> {
  const body = Buffer.alloc(20_000, "x");
  const server = http.createServer((_request, response) => response.end(body)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const shape = { kind: "requests", origin, connections: 8, method: "GET", headers: {} } as const;
  await runRequests({ ...shape, paths: ["/"], passes: 2000, expect: { status: 200, length: body.length } });
  server.close();
}

function fail(example: string): void {
  tally.failures += 1;
  if (tally.failureExamples.length < FAILURES_TOLD) tally.failureExamples.push(example);
}

async function runRequests(job: RequestsJob): Promise<number> {
  const total = job.paths.length * job.passes;
  const write = job.write && {
    every: job.write.every,
    bytes: requestBytes(job.origin, "PUT", job.write.path, job.headers, Buffer.alloc(job.write.bytes, "w")),
  };
  const requests = job.paths.map((path) => requestBytes(job.origin, job.method, path, job.headers, job.body));
  let next = 0;
  const work = async () => {
    let connection = openConnection(job.origin);
    for (let i = next++; i < total; i = next++) {
      const isWrite = write !== undefined && i % write.every === write.every - 1;
      const counted = !isWrite && job.expect.responses !== undefined && i % COUNT_ONE_ANSWER_OF === 0;
      const at = i % requests.length;
      const began = performance.now();
      try {
        const answer = await connection.ask((isWrite ? write.bytes : requests[at]) ?? Buffer.alloc(0), counted);
        tally.latencies.push(performance.now() - began);
        tally.bytes += answer.length;
        if (i === 0) tally.firstLength = answer.length;
        const problem = isWrite ? checkWrite(answer) : check(answer, job, counted);
        if (problem) fail(`${isWrite ? job.write?.path : job.paths[at]} ${problem}`);
      } catch (error) {
        fail(`${job.paths[at]}: ${(error as Error).message}`);
        connection.close();
        connection = openConnection(job.origin);
      }
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: job.connections }, work));
  return total;
}

function checkWrite(answer: Answer): string | undefined {
  return answer.status === 201 || answer.status === 204 ? undefined : `answered PUT with ${answer.status}`;
}

function check(answer: Answer, job: RequestsJob, counted: boolean): string | undefined {
  const { status, length, responses } = job.expect;
  if (answer.status !== status) return `answered ${answer.status}, expected ${status}`;
  if (length !== undefined && answer.length !== length) return `answered ${answer.length} bytes, expected ${length}`;
  if (!counted) return undefined;
  const found = answer.body.match(/<(?:[A-Za-z0-9]+:)?response[\s>]/g)?.length ?? 0;
  return found === responses ? undefined : `listed ${found} entries, expected ${responses}`;
}

async function runTransfer(job: TransferJob): Promise<number> {
  if (job.kind === "get") await runGet(job);
  else await runPut(job);
  return 1;
}

async function runGet(job: TransferJob): Promise<void> {
  const connection = openConnection(job.origin);
  const answer = await connection.ask(requestBytes(job.origin, "GET", job.path, job.headers), false);
  connection.close();
  if (answer.status !== 200 || answer.length !== job.bytes)
    fail(`GET answered ${answer.status}, ${answer.length} bytes`);
  if (!answer.hasContentLength) fail("GET named no length");
  tally.bytes = answer.length;
  tally.firstLength = answer.length;
}

async function runPut(job: TransferJob): Promise<void> {
  const request = http.request(new URL(job.path, job.origin), {
    method: "PUT",
    headers: { ...job.headers, "content-length": String(job.bytes) },
    timeout: ANSWER_WITHIN_MS,
  });
  request.on("timeout", () => request.destroy(new Error("no byte moved for two minutes")));
  const answered = once(request, "response") as Promise<[http.IncomingMessage]>;
  answered.catch(() => undefined);
  await sendBody(request, job.bytes);
  const [answer] = await answered;
  answer.resume();
  await once(answer, "end");
  if (answer.statusCode !== 201 && answer.statusCode !== 204) fail(`PUT answered ${answer.statusCode}`);
  tally.bytes = job.bytes;
}

/** Sends `bytes` bytes of a pattern that no compression or hole detection shortens. */
async function sendBody(request: http.ClientRequest, bytes: number): Promise<void> {
  const chunk = Buffer.alloc(PUT_CHUNK);
  for (let i = 0; i < chunk.length; i += 4) chunk.writeUInt32LE(Math.imul(i + 1, 2654435761) >>> 0, i);
  for (let left = bytes; left > 0; left -= chunk.length) {
    const piece = left < chunk.length ? chunk.subarray(0, left) : chunk;
    if (!request.write(piece)) await once(request, "drain");
  }
  request.end();
}
