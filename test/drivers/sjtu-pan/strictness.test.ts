import type { Got } from "got";
import { describe, expect, it } from "vitest";
import type { DriverEnv } from "#drivers/contract/driver.ts";
import type { Json, Mount } from "#drivers/contract/mount.ts";
import type { SjtuCredential } from "#drivers/sjtu-pan/credential.ts";
import { ROOT } from "#drivers/sjtu-pan/entries.ts";
import { sjtuPan } from "#drivers/sjtu-pan/index.ts";
import { calm } from "#test/contract/steps.ts";
import { startSjtuPan } from "#test/simulators/sjtu-pan/start.ts";
import { memoryAccount } from "./account-handle.ts";
import { panEnv } from "./simulator.ts";
import { countingSource, memoryCheckpoint } from "./sources.ts";
import { turnedClock } from "./turned-clock.ts";

const MiB = 2 ** 20;

/** One constant of the driver's, changed on its way out. */
interface Mistake {
  readonly said: string;
  address?(url: string): string;
  body?(json: unknown): unknown;
  header?(headers: Record<string, string>): Record<string, string>;
  store?(path: string): string;
}

const swapped = (from: string | RegExp, to: string) => (text: string) => text.replace(from, to);

const MISTAKES: readonly Mistake[] = [
  { said: "the path of the file plane", address: swapped("/api/v1/", "/api/v2/") },
  { said: "the path of the account plane", address: swapped("/user/v1/", "/user/v2/") },
  { said: "the resource of an upload", address: swapped("/api/v1/file/", "/api/v1/files/") },
  { said: "the name of the token", address: swapped("access_token=", "accessToken=") },
  { said: "the name of the conflict strategy", address: swapped("conflict_resolution_strategy=", "strategy=") },
  { said: "the value of the conflict strategy", address: swapped("strategy=ask", "strategy=fail") },
  { said: "the page's size", address: swapped("page_size=1000", "page_size=1001") },
  { said: "the size's name at the start", address: swapped("filesize=", "size=") },
  { said: "renew as multipart", address: swapped("?renew", "?multipart") },
  { said: "the separators of a path encoded", address: swapped("/docs/a.bin", "/docs%2Fa.bin") },
  {
    said: "the list of parts",
    body: (json) => ({ partNumbers: (json as { partNumberRange: unknown }).partNumberRange }),
  },
  { said: "the token as a header", header: (headers) => ({ ...headers, authorization: "Bearer acctk" }) },
  { said: "the uploadId unencoded", store: (path) => decodeURIComponent(path) },
  { said: "a part's number", store: swapped(/partNumber=\d+/, "partNumber=77") },
];

/** The driver's environment with the mistake in it. */
function mistaken(
  env: DriverEnv<SjtuCredential>,
  { address, body, header, store }: Mistake,
): DriverEnv<SjtuCredential> {
  const api = ((url: string, options: { json?: unknown; headers: Record<string, string> }) =>
    env.api(address ? address(url) : url, {
      ...options,
      ...(header && { headers: header(options.headers) }),
      ...(body && options.json && "partNumberRange" in (options.json as object) ? { json: body(options.json) } : {}),
    })) as unknown as Got;
  const { bytes } = env;
  const send = store
    ? bytes.compose((dispatch) => (options, handler) => dispatch({ ...options, path: store(options.path) }, handler))
    : bytes;
  return { ...env, api, bytes: send };
}

/** All that a mount does in an ordinary day. */
async function useIt(mount: Mount): Promise<void> {
  await mount.root(calm());
  const docs = await mount.createDirectory!(ROOT, "docs", calm());
  for (const size of [10, 9 * MiB]) {
    await mount.upload!(docs, "a.bin", countingSource(size), { ...calm(), conflict: "replace" });
  }
  for await (const page of mount.list(docs, calm())) expect(page).toHaveLength(1);
  await mount.usage!(calm());
}

async function violationsOf(mistake: Mistake): Promise<readonly unknown[]> {
  // Signatures that are over at once make every part be renewed.
  const pan = await startSjtuPan({ knobs: { signedHeadersLifeMs: 20_000 } });
  const env = panEnv(pan, turnedClock());
  const { cookie, userToken } = pan.credentials();
  try {
    const account = memoryAccount(mistaken(env, mistake) as DriverEnv, { cookie, userToken });
    const mount = await sjtuPan.open({ root: "/" }, mistaken({ ...env, account }, mistake), calm());
    await useIt(mount).catch((error: unknown) => expect(error).toBeInstanceOf(Error));
    return pan.violations;
  } finally {
    await env.close();
    await pan.close();
  }
}

describe("driver and simulator are two readings of the facts", () => {
  it("that agree on an ordinary day", async () => {
    expect(await violationsOf({ said: "nothing" })).toEqual([]);
  });

  it.each(MISTAKES)("and $said changed in one shows as a violation, and does not pass", async (mistake) => {
    expect(await violationsOf(mistake)).not.toEqual([]);
  });

  it("and a part size that is no multiple of 4 MiB shows (sjtu-pan.md §4.5)", async () => {
    const pan = await startSjtuPan();
    const env = panEnv(pan, turnedClock());
    const { cookie, userToken } = pan.credentials();
    const account = memoryAccount(env as DriverEnv, { cookie, userToken });
    const mount = await sjtuPan.open({ root: "/" }, { ...env, account }, calm());
    // What is saved of an upload says how it was cut.
    const checkpoint = memoryCheckpoint();
    const broken = countingSource(20 * MiB, { kind: "seekable", breaks: 1 });
    const options = { ...calm(), conflict: "fail" as const, checkpoint };
    await mount.upload!(ROOT, "a.bin", broken, options).catch(() => undefined);
    const saved = checkpoint.state as { [key: string]: Json };
    await checkpoint.save({ ...saved, partSize: 3 * MiB });
    await mount.upload!(ROOT, "a.bin", countingSource(20 * MiB, { kind: "seekable" }), options).catch(() => undefined);
    expect(JSON.stringify(pan.violations)).toContain("4 MiB");
    await env.close();
    await pan.close();
  });
});
