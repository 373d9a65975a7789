/** Steps that the contract cases share. Each works on what the mount says, never on what it is. */
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import { expect } from "vitest";
import { type ErrorKind, StorageError } from "#drivers/contract/errors.ts";
import type {
  BatchOutcome,
  BatchResult,
  ByteRange,
  CallOptions,
  Conflict,
  Entry,
  Link,
  UploadSource,
} from "#drivers/contract/mount.ts";
import { type SourceShape, sourceOf, type WatchedSource } from "#test/support/upload-source.ts";
import type { CaseContext, Held } from "./mount-under-test.ts";

/** Longest that one call of a mount may take in a case. */
const CALL_DEADLINE_MS = 30_000;

/** What a call gets that nobody aborts. */
export function calm(): CallOptions {
  return { signal: AbortSignal.timeout(CALL_DEADLINE_MS) };
}

/** Every entry of a directory, over all pages. */
export async function listAll(c: CaseContext, directory: Entry): Promise<Entry[]> {
  const all: Entry[] = [];
  for await (const page of c.mount.list(directory, calm())) all.push(...page);
  return all;
}

/** The names in a directory, sorted. */
export async function names(c: CaseContext, directory: Entry): Promise<string[]> {
  return (await listAll(c, directory)).map((entry) => entry.name).sort();
}

/** The listed entry of that name, or undefined. */
export async function find(c: CaseContext, directory: Entry, name: string): Promise<Entry | undefined> {
  return (await listAll(c, directory)).find((entry) => entry.name === name);
}

/** The listed entry of that name; waits as long as the trait `settlesWithinMs` allows. */
export async function listed(c: CaseContext, directory: Entry, name: string): Promise<Entry> {
  let found: Entry | undefined;
  await settled(c, async () => {
    found = await find(c, directory, name);
    expect(found, `an entry ${JSON.stringify(name)} in the listing`).toBeDefined();
  });
  return found!;
}

/** The directory lists exactly these names, once the storage has settled. */
export async function expectNames(c: CaseContext, directory: Entry, expected: readonly string[]): Promise<void> {
  await settled(c, async () => expect(await names(c, directory)).toEqual([...expected].sort()));
}

/** Passes when `check` does, at the latest after the trait `settlesWithinMs`; without it, at once. */
async function settled(c: CaseContext, check: () => Promise<void>): Promise<void> {
  await within(c.traits.settlesWithinMs ?? 0, check);
}

/** Passes as soon as `check` does; rejects as `check` did last when `ms` are over. */
export async function within(ms: number, check: () => Promise<void> | void): Promise<void> {
  const deadline = performance.now() + ms;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
      await sleep(Math.min(20, ms));
    }
  }
}

/** The promise's value; rejects when it takes longer than `ms`, naming what was waited for. */
export async function soon<T>(promise: Promise<T>, what: string, ms = 10_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The entry at a path, walked from the root. */
export async function walk(c: CaseContext, path: readonly string[]): Promise<Entry> {
  let entry = await c.mount.root(calm());
  for (const name of path) entry = await listed(c, entry, name);
  return entry;
}

/** A source as the mount's traits ask for it. */
export function sourceFor(c: CaseContext, content: Uint8Array, shape: SourceShape = {}): WatchedSource {
  return sourceOf(content, { kind: c.traits.upload?.source ?? "seekable", ...shape });
}

/** Stores a file. */
export function put(
  c: CaseContext,
  parent: Entry,
  name: string,
  content: Uint8Array | string | UploadSource,
  conflict: Conflict = "fail",
): Promise<Entry> {
  const source =
    typeof content === "string"
      ? sourceFor(c, Buffer.from(content))
      : content instanceof Uint8Array
        ? sourceFor(c, content)
        : content;
  return c.mount.upload!(parent, name, source, { ...calm(), conflict });
}

export function makeDirectory(c: CaseContext, parent: Entry, name: string): Promise<Entry> {
  return c.mount.createDirectory!(parent, name, calm());
}

/** The bytes of a file or of a range of it, by `read` where there is one, else through its link. */
export async function contentOf(c: CaseContext, file: Entry, range?: ByteRange): Promise<Buffer> {
  if (!c.mount.read) return fetchLink(await linkOf(c, file), range);
  return buffer(await c.mount.read(file, range, calm()));
}

/** The link that this server would fetch. */
export function linkOf(c: CaseContext, file: Entry): Promise<Link> {
  return c.mount.link!(file, { purpose: "proxy", userAgent: USER_AGENT }, calm());
}

const USER_AGENT = "pandav-contract-suite";

/** The bytes behind a link, fetched with the link's own headers and the agent that asked for it. */
export async function fetchLink(link: Link, range?: ByteRange): Promise<Buffer> {
  const last = range?.length === undefined ? "" : range.offset + range.length - 1;
  const reply = await request(link.url, {
    headers: { "user-agent": USER_AGENT, ...link.headers, ...(range && { range: `bytes=${range.offset}-${last}` }) },
    signal: AbortSignal.timeout(CALL_DEADLINE_MS),
  });
  const body = Buffer.from(await reply.body.arrayBuffer());
  if (reply.statusCode === 416) throw new StorageError("range-not-satisfiable", "the link answered 416");
  expect(reply.statusCode, "the link's status").toBe(range ? 206 : 200);
  return body;
}

/** The only outcome of a batch of one; a call that throws is an outcome too. */
export async function outcomeOf(batch: Promise<BatchResult>): Promise<BatchOutcome> {
  try {
    const outcomes = await batch;
    expect(outcomes, "one outcome per entry").toHaveLength(1);
    return outcomes[0]!;
  } catch (error) {
    if (error instanceof StorageError) return { error };
    throw error;
  }
}

/** The batch of one succeeded. */
export async function succeed(batch: Promise<BatchResult>): Promise<BatchOutcome> {
  const outcome = await outcomeOf(batch);
  if (outcome.error) throw outcome.error;
  return outcome;
}

/** The call fails with a StorageError of one of these kinds, thrown or as the outcome of a batch of one. */
export async function expectFailure(
  call: () => Promise<unknown>,
  ...kinds: readonly ErrorKind[]
): Promise<StorageError> {
  let result: unknown;
  try {
    result = await call();
  } catch (error) {
    return expectKind(error, kinds);
  }
  const failed = Array.isArray(result) && result.length === 1 ? (result[0] as BatchOutcome).error : undefined;
  if (!failed) throw new Error(`the call succeeded where it must fail ${kinds.join(" or ")}`);
  return expectKind(failed, kinds);
}

function expectKind(error: unknown, kinds: readonly ErrorKind[]): StorageError {
  if (!(error instanceof StorageError)) {
    throw new Error(`failed with ${String(error)}, no StorageError of kind ${kinds.join(" or ")}`, { cause: error });
  }
  expect(kinds, `the kind of: ${error.message}`).toContain(error.kind);
  return error;
}

/** The entry as it is after it was stored in a database and read again. */
export function stored(entry: Entry): Entry {
  return JSON.parse(JSON.stringify(entry)) as Entry;
}

/** An entry that was there and is not any more, or never was. */
export async function goneEntry(c: CaseContext, kind: Entry["kind"]): Promise<Entry> {
  if (c.gone) return c.gone(kind);
  const root = await c.mount.root(calm());
  if (c.can.remove && (kind === "file" ? c.can.upload : c.can.createDirectory)) {
    const entry = kind === "file" ? await put(c, root, "gone.txt", "gone") : await makeDirectory(c, root, "gone");
    await succeed(c.mount.remove!([entry], { ...calm(), mode: "permanent" }));
    await expectNames(
      c,
      root,
      (await names(c, root)).filter((name) => name !== entry.name),
    );
    return entry;
  }
  return { id: "never-there", name: "never-there", kind, ...(kind === "file" && { size: 4 }) };
}

/** Whether `goneEntry` can make one. */
export function canMakeGone({ can, gone }: Pick<CaseContext, "can"> & { gone?: unknown }): boolean {
  return gone !== undefined || can.traits.ids === "path" || (can.remove && can.upload && can.createDirectory);
}

/** Puts things into the storage, parents first: by another's hand where the mount cannot. */
export async function plant(c: CaseContext, things: readonly Held[]): Promise<void> {
  if (c.seed && !(c.can.upload && c.can.createDirectory)) return c.seed(things);
  for (const { path, kind, content } of things) {
    const parent = await walk(c, path.slice(0, -1));
    const name = path.at(-1)!;
    if (kind === "directory") await makeDirectory(c, parent, name);
    else await put(c, parent, name, content ?? new Uint8Array());
  }
}
