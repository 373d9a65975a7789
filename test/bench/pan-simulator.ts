/** The simulator of SJTU Pan in a process of its own, so that its CPU time is nobody else's; and what curl must know to be its client. */
import { startSjtuPan } from "#test/simulators/sjtu-pan/start.ts";
import { TestClient } from "#test/simulators/sjtu-pan/test-client.ts";
import { answerQuestions } from "./forked.ts";

/** Part numbers of one request (sjtu-pan.md §4.3). */
const GROUP = 50;

/** A request of the store, as curl must make it. */
export interface StoreRequest {
  /** Loopback address. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface BegunUpload {
  readonly confirmKey: string;
  /** One for each part, in order. */
  readonly parts: readonly StoreRequest[];
}

// Bytes that follow the rule "i mod 251" are compared with it and not kept; the sum that a confirmation is checked against follows from the rule.
const pan = await startSjtuPan({ knobs: { digests: false, accessTokenLifeMs: 24 * 3600_000 } });
const client = new TestClient(pan);
const host = pan.world.storeHost;

const questions = {
  world: () => ({ upstreams: pan.upstreams, credentials: pan.credentials() }),

  /** Makes a file whose byte number i is i mod 251; returns its CRC-64. */
  put(path: string, size: number): string {
    pan.files.put(path, { size, first: 0 });
    return String(pan.files.stat(path).crc64);
  },

  /** Size and CRC-64 of what the service has. */
  stat(path: string): { readonly size: number; readonly crc64: string } {
    const { size, crc64 } = pan.files.stat(path);
    return { size, crc64: String(crc64) };
  },

  /** The signed address of a file's bytes. */
  async link(path: string): Promise<StoreRequest> {
    return atStore(await client.link(path), {});
  },

  /** Starts a multipart upload, all its parts signed. */
  async begin(path: string, count: number): Promise<BegunUpload> {
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    const start = await client.startParts(path, numbers.slice(0, GROUP), "conflict_resolution_strategy=overwrite");
    const { confirmKey, uploadId, path: object } = start.body;
    const signed = { ...start.body.parts };
    for (let at = GROUP; at < count; at += GROUP) {
      const json = { partNumberRange: numbers.slice(at, at + GROUP) };
      Object.assign(signed, (await client.api("POST", `file/${confirmKey}`, "renew", { json })).body.parts);
    }
    const address = (part: number) =>
      `http://${host}${object}?uploadId=${encodeURIComponent(uploadId)}&partNumber=${part}`;
    return { confirmKey, parts: numbers.map((part) => atStore(address(part), signed[String(part)].headers)) };
  },

  /** Makes an upload visible. Throws where the service misses parts or has another sum. */
  async confirm(confirmKey: string, crc64: string): Promise<void> {
    const { status, text } = await client.api("POST", `file/${confirmKey}`, "confirm", { json: { crc64 } });
    if (status >= 300) throw new Error(`the upload was not confirmed: ${status} ${text}`);
  },

  /** Requests that the service would not have taken. */
  violations: () => pan.violations.map((violation) => JSON.stringify(violation)),
};

export type SimulatorQuestions = typeof questions;

answerQuestions(questions, async () => {
  await client.close();
  await pan.close();
});

function atStore(address: string, headers: Readonly<Record<string, string>>): StoreRequest {
  const { pathname, search } = new URL(address);
  return { url: `${pan.origins.store}${pathname}${search}`, headers: { host, ...headers } };
}
