/** The judgements on a driver's answers that the layer `check` makes: what breaks the contract is `upstream`, never handed on. */
import { Readable } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import type { BatchResult, Entry } from "#drivers/contract/mount.ts";
import type { Page } from "./layer.ts";

/** The answer, when it is an entry. */
export function checkedEntry(answer: unknown, { isRoot = false } = {}): Entry {
  const entry = answer as Entry;
  if (typeof entry !== "object" || entry === null) throw broken("no entry");
  if (typeof entry.id !== "string") throw broken("an entry without an id");
  if (typeof entry.name !== "string" || (entry.name === "" && !isRoot)) throw broken("an entry without a name");
  if (entry.kind !== "file" && entry.kind !== "directory") throw broken("an entry that is neither file nor directory");
  if (isRoot && entry.kind !== "directory") throw new StorageError("not-a-directory", "the root is not a directory");
  if (entry.size !== undefined && !isCount(entry.size)) throw broken("a size that is no byte count");
  if (entry.modifiedAt !== undefined && !Number.isFinite(entry.modifiedAt)) throw broken("a time that is no number");
  return entry;
}

/** The answer, when it is a page of a listing. */
export function checkedPage(answer: unknown): Page {
  if (!Array.isArray(answer)) throw broken("a listing page that is no array");
  for (const entry of answer) checkedEntry(entry);
  return answer as Page;
}

/** The answer, when it holds one outcome for each of `count` inputs. */
export function checkedBatch(answer: BatchResult, count: number): BatchResult {
  if (!Array.isArray(answer) || answer.length !== count) throw broken("not one outcome for each entry");
  for (const outcome of answer) {
    if (typeof outcome !== "object" || outcome === null) throw broken("an outcome that is no object");
    if (outcome.entry !== undefined) checkedEntry(outcome.entry);
    if (outcome.error !== undefined && !(outcome.error instanceof StorageError)) throw broken("an unknown error");
  }
  return answer;
}

export function checkedLink(answer: unknown): unknown {
  const url = (answer as { url?: unknown } | null)?.url;
  if (typeof url !== "string" || !/^https?:\/\//.test(url)) throw broken("a link without an address");
  return answer;
}

export function checkedStream(answer: unknown): Readable {
  if (!(answer instanceof Readable)) throw broken("no stream");
  return answer;
}

export function checkedUsage(answer: unknown): unknown {
  if (typeof answer !== "object" || answer === null) throw broken("no usage");
  for (const key of ["used", "total", "trashed"] as const) {
    const value = (answer as Record<string, unknown>)[key];
    if (value !== undefined && !isCount(value)) throw broken(`a usage whose "${key}" is no byte count`);
  }
  return answer;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function broken(what: string): StorageError {
  return new StorageError("upstream", `the storage answered with ${what}`);
}
