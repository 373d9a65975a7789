/** System calls on open files. Bare descriptors, because `FileHandle` costs about twice as much per call. */
import * as fs from "node:fs";
import { promisify } from "node:util";

export const openFile = promisify(fs.open);
export const closeFile = promisify(fs.close);
export const syncFile = promisify(fs.fsync);
export const setTimes = promisify(fs.futimes);
export const chmodFile = promisify(fs.fchmod);
export const statFile: (fd: number) => Promise<fs.Stats> = promisify(fs.fstat);

/** Reads into all of `into`, from `position` on. Returns fewer bytes than that only at the end of the file. */
export async function readFully(fd: number, into: Buffer, position: number): Promise<number> {
  let got = 0;
  while (got < into.length) {
    const bytes = await readSome(fd, into.subarray(got), position + got);
    if (bytes === 0) break;
    got += bytes;
  }
  return got;
}

function readSome(fd: number, into: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, 0, into.length, position, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
}

/** Closes a descriptor that was only read: no data waits for it, so the call does not wait for a disk. */
export function letGo(fd: number): void {
  fs.closeSync(fd);
}

/** Flags that this platform lacks are left out. */
const flag = (name: string): number => (fs.constants as Record<string, number>)[name] ?? 0;

export const READ_FILE = flag("O_RDONLY") | flag("O_NONBLOCK");
export const READ_DIRECTORY = flag("O_RDONLY") | flag("O_DIRECTORY") | flag("O_NONBLOCK");
export const NO_FOLLOW = flag("O_NOFOLLOW");
export const CREATE_FILE = flag("O_WRONLY") | flag("O_CREAT") | flag("O_EXCL") | flag("O_NOFOLLOW");
/** Linux's O_PATH, which Node does not name: says where a path leads without opening what is there (open(2)). */
export const O_PATH = 0x200000;

/** Seconds as the fs functions take them. Negative numbers would be read as "now"; texts are not. */
export function toSeconds(ms: number): number | string {
  return ms < 0 ? String(ms / 1000) : ms / 1000;
}
