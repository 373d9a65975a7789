/** The folder that all contestants serve, and how large it is. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { directoryName, fileName } from "#test/support/generated-world.ts";

export interface Scale {
  readonly directories: number;
  readonly filesPerDirectory: number;
  readonly wideEntries: number;
  readonly bigBytes: number;
  readonly smallFiles: number;
  /** Passes over the small files. */
  readonly smallPasses: number;
  readonly wideRequests: number;
  /** Requests for the smallest of the directories that are asked for again and again; larger ones are asked for less often. */
  readonly repeatedRequests: number;
}

/** Entries of the directories that are asked for again and again. */
export const REPEATED_ENTRIES = [100, 1000, 10_000] as const;

export const SCALES = {
  full: {
    directories: 2000,
    filesPerDirectory: 50,
    wideEntries: 1000,
    bigBytes: 1024 ** 3,
    smallFiles: 2000,
    smallPasses: 4,
    wideRequests: 1000,
    repeatedRequests: 20_000,
  },
  small: {
    directories: 100,
    filesPerDirectory: 50,
    wideEntries: 1000,
    bigBytes: 64 * 1024 ** 2,
    smallFiles: 200,
    smallPasses: 4,
    wideRequests: 200,
    repeatedRequests: 2000,
  },
} as const satisfies Record<string, Scale>;

/** Bytes of each small file of the 4 KiB case. */
export const SMALL_FILE_BYTES = 4096;

/** Paths of the served folder, relative and starting with a slash. */
export interface World {
  readonly root: string;
  readonly directories: readonly string[];
  /** As many again, of the same shape: what a started server is warmed up on where the others must not have been asked. */
  readonly others: readonly string[];
  readonly wide: string;
  /** The file in `wide` that is written again and again. */
  readonly written: string;
  /** Directories of `REPEATED_ENTRIES` entries that nobody changes. */
  readonly repeated: Readonly<Record<(typeof REPEATED_ENTRIES)[number], string>>;
  readonly big: string;
  readonly small: readonly string[];
  readonly putTarget: string;
}

/** Fills `root`; takes some seconds. The many directories have the names that the driver `generated` gives, so that answers are alike. */
export function makeWorld(root: string, scale: Scale): World {
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
  const all = numbers(2 * scale.directories).map((i) => `/many/${directoryName(i)}`);
  for (const [i, directory] of all.entries()) {
    mkdirSync(join(root, directory), { recursive: true });
    for (const j of numbers(scale.filesPerDirectory))
      writeFileSync(join(root, directory, fileName(i, j)), "0123456789");
  }
  mkdirSync(join(root, "wide"));
  for (const i of numbers(scale.wideEntries - 1)) writeFileSync(join(root, "wide", fileName(0, i)), "0123456789");
  writeFileSync(join(root, "wide", "written.txt"), "0123456789");
  for (const entries of REPEATED_ENTRIES) {
    mkdirSync(join(root, "repeated", String(entries)), { recursive: true });
    for (const i of numbers(entries))
      writeFileSync(join(root, "repeated", String(entries), fileName(0, i)), "0123456789");
  }
  mkdirSync(join(root, "small"));
  const small = numbers(scale.smallFiles).map((i) => `/small/f${String(i).padStart(5, "0")}.bin`);
  for (const path of small) writeFileSync(join(root, path), Buffer.alloc(SMALL_FILE_BYTES, path));
  mkdirSync(join(root, "big"));
  writeBig(join(root, "big", "one.bin"), scale.bigBytes);
  mkdirSync(join(root, "put"));
  return {
    root,
    directories: all.slice(0, scale.directories),
    others: all.slice(scale.directories),
    wide: "/wide",
    written: "/wide/written.txt",
    repeated: { 100: "/repeated/100", 1000: "/repeated/1000", 10000: "/repeated/10000" },
    big: "/big/one.bin",
    small,
    putTarget: "/put/target.bin",
  };
}

/** A file of `bytes` bytes without holes. */
export function writeBig(path: string, bytes: number): void {
  const chunk = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < chunk.length; i += 4) chunk.writeUInt32LE(Math.imul(i + 1, 2654435761) >>> 0, i);
  const fd = openSync(path, "w");
  for (let left = bytes; left > 0; left -= chunk.length) writeSync(fd, chunk, 0, Math.min(left, chunk.length));
  closeSync(fd);
}
