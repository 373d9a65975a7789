/** The entries of the driver `generated`: pure functions from an index to a name, an id and bytes, so that a million of them cost no memory. */
import { createHash } from "node:crypto";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Entry } from "#drivers/contract/mount.ts";

/** What decides a world; the settings of the driver under the names of this project. */
export interface WorldShape {
  readonly directories: number;
  readonly files_per_directory: number;
  readonly big_directory: number;
  readonly flat: boolean;
  readonly page_size: number;
  readonly file_size: number;
}

/** A directory's entries by index. */
interface Children {
  readonly count: number;
  at(index: number): Entry;
}

/** Everything that a shape decides. */
export interface GeneratedWorld {
  readonly root: Entry;
  readonly pageSize: number;
  /** Throws `not-found`, `not-a-directory`. */
  children(directory: Entry): Children;
  /** The bytes of a file. Throws `not-found`, `is-a-directory`. */
  content(file: Entry): Buffer;
}

/** Directories per group, where the world is not flat. */
export const GROUP_SIZE = 1000;

/** Name of the directory of `big_directory` files. */
export const BIG_DIRECTORY_NAME = "big";

/** Different contents that files have; more would cost memory and show no more. */
const CONTENTS = 4;

const EPOCH_MS = 1_700_000_000_000;
const CHINESE = "电影音乐照片文档课程资料归档备份合集收藏整理高清完整纪录动画剧场讲义论文实验报告";

/** First digit of the 19-digit ids: which kind of thing it is. */
const ROOT_ID = "1000000000000000000";
const BIG_ID = "2000000000000000000";
const GROUP_DIGIT = "3";
const DIRECTORY_DIGIT = "4";
/** Followed by ten digits of the directory (the last number stands for `big`) and eight of the file. */
const FILE_DIGIT = "5";
const BIG_OWNER = 9_999_999_999;

/** The world of a shape. */
export function generatedWorld(shape: WorldShape): GeneratedWorld {
  const contents = Array.from({ length: CONTENTS }, (_, variant) => contentOf(shape.file_size, variant));
  const sha1s = contents.map((content) => createHash("sha1").update(content).digest("hex"));
  const groups = shape.flat ? 0 : Math.ceil(shape.directories / GROUP_SIZE);
  const hasBig = shape.big_directory > 0;
  const root: Entry = { id: ROOT_ID, name: "", kind: "directory", modifiedAt: EPOCH_MS };

  const group = (index: number): Entry => directoryEntry(GROUP_DIGIT + digits(index, 18), groupName(index), index);
  const directory = (index: number): Entry =>
    directoryEntry(DIRECTORY_DIGIT + digits(index, 18), directoryName(index), index);
  const file = (owner: number, index: number): Entry => {
    const variant = variantOf(owner, index);
    const sha1 = sha1s[variant]!;
    return {
      id: FILE_DIGIT + digits(owner, 10) + digits(index, 8),
      name: fileName(owner === BIG_OWNER ? 0 : owner, index),
      kind: "file",
      size: shape.file_size,
      modifiedAt: EPOCH_MS + index * 1000,
      hashes: { sha1 },
      detail: { pickcode: `p${owner.toString(36)}q${index.toString(36)}` },
    };
  };

  return {
    root,
    pageSize: shape.page_size,
    children({ id }) {
      if (id === ROOT_ID) {
        const top = shape.flat ? shape.directories : groups;
        return {
          count: top + (hasBig ? 1 : 0),
          at: (i) => (i === top ? directoryEntry(BIG_ID, BIG_DIRECTORY_NAME, 0) : shape.flat ? directory(i) : group(i)),
        };
      }
      if (id === BIG_ID && hasBig) return { count: shape.big_directory, at: (i) => file(BIG_OWNER, i) };
      const index = Number(id.slice(1));
      if (id.startsWith(GROUP_DIGIT) && index < groups) {
        const first = index * GROUP_SIZE;
        return { count: Math.min(GROUP_SIZE, shape.directories - first), at: (i) => directory(first + i) };
      }
      if (id.startsWith(DIRECTORY_DIGIT) && index < shape.directories) {
        return { count: shape.files_per_directory, at: (i) => file(index, i) };
      }
      if (fileOf(id)) throw new StorageError("not-a-directory", `${id} is a file`);
      throw gone(id);
    },
    content({ id }) {
      const found = fileOf(id);
      if (found) return contents[variantOf(found.owner, found.index)]!;
      if (id === ROOT_ID || [BIG_ID[0], GROUP_DIGIT, DIRECTORY_DIGIT].includes(id[0])) {
        throw new StorageError("is-a-directory", `${id} is a directory`);
      }
      throw gone(id);
    },
  };

  function fileOf(id: string): { owner: number; index: number } | undefined {
    if (!id.startsWith(FILE_DIGIT) || id.length !== 19) return undefined;
    const owner = Number(id.slice(1, 11));
    const index = Number(id.slice(11));
    const known =
      owner === BIG_OWNER
        ? index < shape.big_directory
        : owner < shape.directories && index < shape.files_per_directory;
    return known ? { owner, index } : undefined;
  }
}

/** An id that no world has, in the form of a file's. */
export const GONE_FILE_ID = `${FILE_DIGIT}${digits(BIG_OWNER - 1, 10)}${digits(0, 8)}`;
/** An id that no world has, in the form of a directory's. */
export const GONE_DIRECTORY_ID = DIRECTORY_DIGIT + "9".repeat(18);

/** The name of group `index`. */
export function groupName(index: number): string {
  return index % 2 === 0 ? `${chinese(index, 6)} 第${digits(index, 3)}组` : `group ${digits(index, 3)} of the archive`;
}

/** The name of directory `index`, counted over all groups; half of them hold Chinese characters. */
export function directoryName(index: number): string {
  return index % 2 === 0
    ? `${chinese(index, 14)} 第${digits(index, 6)}卷全集`
    : `collection ${digits(index, 6)} volume`;
}

/** The name of file `index` of a directory; about 25 characters, half of them with Chinese. */
export function fileName(directory: number, index: number): string {
  return (directory + index) % 2 === 0
    ? `${chinese(directory * 31 + index, 11)} 第${digits(index, 6)}集.mkv`
    : `recording ${digits(index, 6)} take.mkv`;
}

function chinese(seed: number, length: number): string {
  let text = "";
  for (let i = 0; i < length; i++) text += CHINESE[(seed * 7 + i * (3 + (seed % 5))) % CHINESE.length];
  return text;
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, "0");
}

function variantOf(owner: number, index: number): number {
  return (owner * 31 + index) % CONTENTS;
}

function directoryEntry(id: string, name: string, index: number): Entry {
  return { id, name, kind: "directory", modifiedAt: EPOCH_MS + index * 1000 };
}

function contentOf(size: number, variant: number): Buffer {
  const content = Buffer.allocUnsafe(size);
  for (let i = 0; i < size; i++) content[i] = (i * 7 + (i >> 8) * 3 + variant * 61) & 255;
  return content;
}

function gone(id: string): StorageError {
  return new StorageError("not-found", `no entry has the id ${id}`);
}
