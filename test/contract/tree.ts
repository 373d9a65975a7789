/** The tree that cases about reading work on: planted where the storage can be filled, else what it holds. */
import { pseudoRandomBytes } from "#test/support/pseudo-random.ts";
import type { CaseContext, Facts, Held } from "./mount-under-test.ts";
import { plant } from "./steps.ts";

/** More than a few buffers of any stream, and no multiple of anything. */
const BIG_BYTES = 1_300_001;

/** An empty file, a short one, a long one, and directories with something in them. */
const STANDARD_TREE: readonly Held[] = [
  { path: ["eighteen-bytes.txt"], kind: "file", content: Buffer.from("0123456789abcdefgh") },
  { path: ["empty.txt"], kind: "file", content: new Uint8Array() },
  { path: ["long.bin"], kind: "file", content: pseudoRandomBytes(BIG_BYTES, 1) },
  { path: ["folder"], kind: "directory" },
  { path: ["folder", "inside.txt"], kind: "file", content: Buffer.from("inside") },
  { path: ["folder", "deeper"], kind: "directory" },
  { path: ["folder", "deeper", "电影.txt"], kind: "file", content: Buffer.from("深") },
];

/** Whether the storage can be filled by the suite. */
export function isFillable({ can, seed }: Pick<Facts, "can" | "seed">): boolean {
  return seed !== undefined || (can.upload && can.createDirectory);
}

/** What `standingTree` will put or find there. */
export function treeOf(facts: Pick<Facts, "can" | "seed" | "holds">): readonly Held[] {
  return isFillable(facts) ? STANDARD_TREE : (facts.holds ?? []);
}

/** The things that the storage holds, after putting them there where that is possible. */
export async function standingTree(c: CaseContext): Promise<readonly Held[]> {
  if (isFillable(c)) await plant(c, STANDARD_TREE);
  return treeOf(c);
}

/** The first file of at least that many bytes, and at most `most`. */
export function fileOf(tree: readonly Held[], least: number, most = Number.POSITIVE_INFINITY): Held | undefined {
  return tree.find(({ content }) => content && content.length >= least && content.length <= most);
}

/** The longest file. */
export function longestFile(tree: readonly Held[]): Held | undefined {
  return tree.reduce<Held | undefined>(
    (longest, thing) => ((thing.content?.length ?? -1) > (longest?.content?.length ?? -1) ? thing : longest),
    undefined,
  );
}

/** Every path that a tree names or leads through, with its kind; the root is left out. */
export function everyPath(tree: readonly Held[]): Map<string, Held["kind"]> {
  const all = new Map<string, Held["kind"]>();
  for (const { path, kind } of tree) {
    for (let depth = 1; depth < path.length; depth++) all.set(path.slice(0, depth).join("/"), "directory");
    all.set(path.join("/"), kind);
  }
  return all;
}
