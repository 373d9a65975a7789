/** The driver `memory`: files that last as long as the process, and the storage that tests bend into shape. */
import { createHash } from "node:crypto";
import { type DriverDefinition, defineDriver } from "../contract/driver.ts";
import type { Mount } from "../contract/mount.ts";
import type { Traits } from "../contract/traits.ts";
import { memorySettings } from "./config.ts";
import { createMemoryMount } from "./mount.ts";
import { type MemoryNode, MemoryStore, type SeedTree } from "./store.ts";

export interface MemoryDriverOptions {
  /** Default `memory`. */
  readonly id?: string;
  readonly aliases?: readonly string[];
  /** The tree of every mount that is opened; without it each mount has one of its own. */
  readonly store?: MemoryStore;
  /** What a store without entries begins with. */
  readonly seed?: SeedTree;
  /** Facts that differ from the plain driver's; `replace: "emulated"` and `collision` change what the mount does. */
  readonly traits?: Partial<Traits>;
  /** True: the methods that change anything are absent. */
  readonly readOnly?: boolean;
  /** Methods that are absent besides. */
  readonly without?: readonly OptionalMethod[];
}

type OptionalMethod = Exclude<keyof Mount, "root" | "list">;

const WRITING = ["createDirectory", "move", "copy", "remove", "upload", "setModifiedAt"] as const;

/** A memory driver of the shape asked for. */
export function createMemoryDriver(options: MemoryDriverOptions = {}): DriverDefinition<typeof memorySettings> {
  const duplicates = options.traits?.duplicateNames === true;
  const traits: Traits = {
    ids: "stable",
    names: { maxBytes: 1024 },
    hashes: ["sha1"],
    modifiedAtPrecisionMs: 1,
    setsModifiedAt: true,
    upload: { source: "stream", size: "optional" },
    replace: "atomic",
    collision: duplicates ? "duplicate" : "error",
    ...options.traits,
  };
  return defineDriver({
    id: options.id ?? "memory",
    title: "Memory",
    aliases: options.aliases ?? ["Memory"],
    settings: memorySettings,
    traits,
    async open(settings, env) {
      // After a restart the tree still knows ids of the store before: they must not mean anything in this one.
      const store = options.store ?? new MemoryStore(env.clock.now(), `${Buffer.from(env.random(6)).toString("hex")}-`);
      if (options.seed && store.root.children.size === 0) plant(store, store.root, options.seed, env.clock.now());
      const mount: Mount = createMemoryMount(store, settings, traits, env);
      const absent = new Set<string>([...(options.without ?? []), ...(options.readOnly ? WRITING : [])]);
      return Object.fromEntries(Object.entries(mount).filter(([method]) => !absent.has(method))) as unknown as Mount;
    },
  });
}

/** Mounts a folder that lives in the server's memory and is gone when it ends. */
export const memory = createMemoryDriver();

function plant(store: MemoryStore, parent: MemoryNode, seed: SeedTree, now: number): void {
  for (const [name, value] of Object.entries(seed)) {
    if (typeof value === "string" || value instanceof Uint8Array) {
      const content = Buffer.from(value as string);
      const file = store.add(parent, name, "file", now);
      store.fill(file, content, createHash("sha1").update(content).digest("hex"), now);
    } else {
      plant(store, store.add(parent, name, "directory", now), value, now);
    }
  }
}
