/** How long other clients wait while one asks for much: small requests, one after the other, until the large one is answered. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Connection, openConnection, requestBytes } from "./connection.ts";

/** Between two small requests, in milliseconds. */
const PAUSE_MS = 2;

/** Waits for answers, in milliseconds. */
export interface Waits {
  readonly requests: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Asks `/ping` and for the properties of a path in turn for as long as `work` runs, each by a connection of its own. Throws what `work` throws. */
export async function waitsDuring(
  origin: string,
  { path, headers }: { readonly path: string; readonly headers: Readonly<Record<string, string>> },
  work: () => Promise<unknown>,
): Promise<Waits> {
  const small = [
    requestBytes(origin, "GET", "/ping", {}),
    requestBytes(origin, "PROPFIND", path, { ...headers, depth: "0" }),
  ];
  const probes = small.map((request) => ({ request, connection: openConnection(origin) }));
  try {
    // Once before it is timed, so that code on both sides is loaded.
    for (let i = 0; i < 200; i += 1) for (const probe of probes) await ask(probe);
    const waits: number[] = [];
    let isOver = false;
    const ended = work().finally(() => {
      isOver = true;
    });
    while (!isOver) {
      for (const probe of probes) waits.push(await ask(probe));
      await sleep(PAUSE_MS);
    }
    await ended;
    waits.sort((a, b) => a - b);
    const at = (share: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? 0;
    return { requests: waits.length, medianMs: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  } finally {
    for (const { connection } of probes) connection.close();
  }
}

async function ask({ request, connection }: { request: Buffer; connection: Connection }): Promise<number> {
  const began = performance.now();
  const { status } = await connection.ask(request, false);
  if (status !== 200 && status !== 207) throw new Error(`a small request was answered ${status}`);
  return performance.now() - began;
}
