/**
 * A driver that stands in for a cloud: as many entries as its settings say, stable ids, asynchronous pages, read-only, and every call counted.
 * Loadable through `PANDAV_DRIVERS`.
 */
import { writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { z } from "zod";
import { type AnyDriver, defineDriver } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange, CallOptions, Entry, Mount } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { type GeneratedWorld, generatedWorld } from "./generated-world.ts";

const PIECE_BYTES = 65_536;

/** Calls since the process began or `resetCalls`; `pages` counts the pages that listings handed out. */
export interface GeneratedCalls {
  open: number;
  root: number;
  list: number;
  pages: number;
  read: number;
}

const settings = z.object({
  directories: z.int().min(0).max(1_000_000).default(20_000).meta({
    title: "Directories",
    description: "How many directories there are.",
  }),
  files_per_directory: z.int().min(0).max(1_000_000).default(50).meta({
    title: "Files per directory",
    description: "How many files each directory holds.",
  }),
  big_directory: z.int().min(0).max(10_000_000).default(0).meta({
    title: "Big directory",
    description: "How many files the directory `big` in the root holds. 0 leaves it out.",
  }),
  flat: z.boolean().default(false).meta({
    title: "Flat",
    description: "Puts the directories into the root instead of groups of 1,000.",
  }),
  page_size: z.int().min(1).max(100_000).default(1_000).meta({
    title: "Page size",
    description: "Most entries per page of a listing.",
  }),
  file_size: z.int().min(0).max(1_048_576).default(4_096).meta({
    title: "File size",
    description: "Size of each file in bytes.",
  }),
  calls_file: z.string().optional().meta({
    title: "Calls file",
    description: "Path of a file that holds the number of calls as JSON, kept up to date.",
  }),
});

const traits: Traits = {
  ids: "stable",
  names: {},
  hashes: ["sha1"],
  modifiedAtPrecisionMs: 1000,
  replace: "atomic",
  collision: "error",
  freshness: "manual",
};

const counted: GeneratedCalls = { open: 0, root: 0, list: 0, pages: 0, read: 0 };

/** How often the driver was called in this process, per operation, over all its mounts. */
export function generatedCalls(): Readonly<GeneratedCalls> {
  return { ...counted };
}

/** Sets every count to 0. */
export function resetGeneratedCalls(): void {
  for (const name of Object.keys(counted) as (keyof GeneratedCalls)[]) counted[name] = 0;
}

/** The definition of the driver `generated`. */
export const generated = defineDriver({
  id: "generated",
  title: "Generated entries",
  aliases: ["Generated"],
  settings,
  traits,
  async open(chosen, _env, { signal }) {
    signal.throwIfAborted();
    const count = counter(chosen.calls_file);
    count("open");
    return openGenerated(generatedWorld(chosen), count);
  },
});

/** What `PANDAV_DRIVERS` looks for in this module. */
export const drivers: readonly AnyDriver[] = [generated];

type Count = (operation: keyof GeneratedCalls) => void;

/** Counts a call, and writes the counts to `file` once per turn of the event loop. */
function counter(file: string | undefined): Count {
  let writing = false;
  return (operation) => {
    counted[operation]++;
    if (file === undefined || writing) return;
    writing = true;
    globalThis.setImmediate(() => {
      writing = false;
      writeFileSync(file, JSON.stringify(counted));
    });
  };
}

function openGenerated(world: GeneratedWorld, count: Count): Mount {
  return {
    async root({ signal }) {
      signal.throwIfAborted();
      count("root");
      await setImmediate();
      signal.throwIfAborted();
      return world.root;
    },

    async *list(directory: Entry, { signal }: CallOptions) {
      signal.throwIfAborted();
      count("list");
      const children = world.children(directory);
      for (let from = 0; from < children.count; from += world.pageSize) {
        await setImmediate();
        signal.throwIfAborted();
        count("pages");
        const page: Entry[] = [];
        for (let i = from; i < Math.min(from + world.pageSize, children.count); i++) page.push(children.at(i));
        yield page;
      }
      signal.throwIfAborted();
    },

    async read(file: Entry, range: ByteRange | undefined, { signal }: CallOptions) {
      signal.throwIfAborted();
      count("read");
      const content = world.content(file);
      await setImmediate();
      signal.throwIfAborted();
      return stream(cut(content, range), signal);
    },
  };
}

function cut(content: Buffer, range: ByteRange | undefined): Buffer {
  if (!range) return content;
  if (range.offset >= content.length) {
    throw new StorageError("range-not-satisfiable", `the file has ${content.length} bytes`);
  }
  return content.subarray(range.offset, range.length === undefined ? undefined : range.offset + range.length);
}

function stream(bytes: Buffer, signal: AbortSignal): Readable {
  const readable = Readable.from(pieces(bytes), { objectMode: false });
  const stop = () => readable.destroy(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  readable.once("close", () => signal.removeEventListener("abort", stop));
  return readable;
}

/** In pieces as a socket would hand them over, with a turn of the event loop between. */
async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    await setImmediate();
    yield bytes.subarray(from, from + PIECE_BYTES);
  }
}
