/** The files that the recorded servers had, as far as the exchanges show them: trees of our own making of the same names and sizes. */
import { mkdirSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** When every file was last changed: the entity tags that requests name are made of it. */
const MODIFIED_AT = new Date("2024-01-02T03:04:05.678Z");

const repeated = (name: string, size: number) => name.repeat(Math.ceil(size / name.length)).slice(0, size);

const SIZES: Readonly<Record<string, number>> = {
  "local/page.html": 60,
  "local/big.bin": 300_000,
  "local/arc.zip": 200,
  "local/enc.zip": 200,
  "local/types/sub/deep.txt": 8,
  "local/types/a.mp4": 50,
  "local/types/a.srt": 50,
  "local/types/a.zh.ass": 80,
  "local/types/b.mp3": 50,
  "local/types/c.jpg": 50,
  "local/types/d.bin": 50,
  "local/types/e.txt": 50,
  "local/types/readme.md": 90,
  "local/中文 目录/第1讲 & <b>.txt": 6,
  "local/deep/a/1.txt": 1,
  "local/deep/a/b/2.txt": 1,
  "local/secret/s.txt": 1,
  "local/secret/sub/t.txt": 1,
  "local/hide/me.tmp": 1,
  "local/hide/you.txt": 1,
  "local/ren/x1.txt": 1,
  "local/ren/x2.txt": 1,
  "local/ren/x3.txt": 1,
  "local/sacdir/inside.txt": 1,
  "docs/report.txt": 6,
  "docs/notes/n.txt": 5,
  "inner/v.txt": 1,
  "sac/x.txt": 1,
};

const FOLDERS = ["local/deep/empty/more", "local/flat", "local/free", "local/new", "local/up", "docs/in"];
/** More than a page of the largest size (alist-api.md §1). */
const MANY = 510;

/** So large that its copy has not ended when it is cancelled, in bytes; there is nothing in it. */
const HUGE = 4 * 1024 ** 3;

/** Writes them below a folder. */
export function writeFiles(root: string): void {
  const write = (path: string, content: string) => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    utimesSync(file, MODIFIED_AT, MODIFIED_AT);
  };
  for (const folder of FOLDERS) mkdirSync(join(root, folder), { recursive: true });
  write("local/hello.txt", "hello world\n");
  for (const [path, size] of Object.entries(SIZES)) write(path, repeated(path.slice(path.lastIndexOf("/") + 1), size));
  write("local/huge.bin", "");
  truncateSync(join(root, "local/huge.bin"), HUGE);
  for (let i = 1; i <= 7; i++) write(`local/pages/f${i}.txt`, "x".repeat(i));
  for (let i = 0; i < MANY; i++) write(`local/many/n${String(i).padStart(4, "0")}.bin`, "");
}
