/** Storages of the driver `memory` for the contract suite: the plain one, and the shapes that services have. */
import { createMemoryDriver, type MemoryDriverOptions } from "#drivers/memory/index.ts";
import { MemoryStore } from "#drivers/memory/store.ts";
import { testEnv } from "#test/drivers/env.ts";
import { digestOf } from "#test/support/upload-source.ts";
import type { Held, MountSuite } from "./mount-under-test.ts";
import { calm } from "./steps.ts";

/** Opens an empty storage of that shape; what is put into its store by `seed` is another's hand. */
export function openMemory(options: MemoryDriverOptions = {}): MountSuite["open"] {
  return async () => {
    const store = new MemoryStore();
    const driver = createMemoryDriver({ ...options, store });
    const mount = await driver.open(driver.settings.parse({}), testEnv(), calm());
    return {
      mount,
      traits: driver.traits,
      seed: async (things) => plant(store, things),
      dispose: async () => undefined,
    };
  };
}

/** As 115 is: cannot replace, and keeps what has the same name beside each other. */
export const DUPLICATING: MemoryDriverOptions = { traits: { replace: "emulated", duplicateNames: true } };

/** Cannot replace, refuses a taken name. */
export const REFUSING: MemoryDriverOptions = { traits: { replace: "emulated", collision: "error" } };

/** Cannot replace, gives what comes second another name. */
export const SUFFIXING: MemoryDriverOptions = { traits: { replace: "emulated", collision: "suffix" } };

/** As Windows is about names. */
export const FUSSY: MemoryDriverOptions = {
  traits: { names: { maxBytes: 255, maxCharacters: 100, forbidden: '\\:*?"<>|', noTrailingDotOrSpace: true } },
};

function plant(store: MemoryStore, things: readonly Held[]): void {
  for (const { path, kind, content } of things) {
    let parent = store.root;
    for (const name of path.slice(0, -1)) {
      parent = store.named(parent, name)[0] ?? store.add(parent, name, "directory", 0);
    }
    const node = store.add(parent, path.at(-1)!, kind, 0);
    if (kind !== "file") continue;
    const bytes = Buffer.from(content ?? "");
    store.fill(node, bytes, digestOf(bytes, "sha1"), 0);
  }
}
