/** The real vfs over a memory mount at `/`. */
import { buffer } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { kindOf } from "#drivers/contract/errors.ts";
import { createMemoryDriver, type MemoryDriverOptions } from "#drivers/memory/index.ts";
import type { Vfs } from "#server/vfs/api.ts";
import { forever, openTestVfs } from "#test/support/vfs.ts";

/** Opened for one test and closed when it ends. */
export async function realVfs(seed: NonNullable<MemoryDriverOptions["seed"]>, mountPath = "/"): Promise<Vfs> {
  const test = await openTestVfs({ drivers: [createMemoryDriver({ seed })] });
  onTestFinished(() => test.dispose());
  await test.mount({ mountPath, driver: "memory", settings: {} });
  return test.vfs;
}

/** A file's text; undefined when nothing is there. */
export async function textOf(vfs: Vfs, path: string): Promise<string | undefined> {
  try {
    return (await buffer(await (await vfs.open(path, forever)).read())).toString();
  } catch (error) {
    if (kindOf(error) === "not-found") return undefined;
    throw error;
  }
}
