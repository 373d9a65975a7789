/** A tree of files whose names a careless program would lose, and what each is called where `\ : * ? " < > |` are refused (docs/drivers/sjtu-pan.md). */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pseudoRandom, pseudoRandomBytes } from "#test/support/pseudo-random.ts";

/** Name on the disk and name at the service, by a number that makes it the only one. */
const FILE_NAMES: readonly ((n: string) => readonly [string, string])[] = [
  (n) => same(`讲义 ${n}.pdf`),
  (n) => same(`two words ${n}.txt`),
  (n) => [`what? ${n}: a*b.txt`, `what？ ${n}： a＊b.txt`],
  (n) => same(`表情 🎓 ${n}.jpg`),
  (n) => [`"quoted" <${n}>|.md`, `＂quoted＂ ＜${n}＞｜.md`],
  (n) => same(`100% #${n} & more+1;x=y.txt`),
  (n) => [`back\\slash ${n}.bin`, `back＼slash ${n}.bin`],
  // Somebody means the full-width character itself: it is marked, so that it comes back as it was.
  (n) => [`full：width？ ${n}.txt`, `full‛：width‛？ ${n}.txt`],
  (n) => same(`.hidden ${n}`),
  (n) => same(`café %41 ${n}.txt`),
];
const DIRECTORY_NAMES: readonly ((n: string) => readonly [string, string])[] = [
  (n) => same(`课程 ${n}`),
  (n) => [`week ${n}: notes?`, `week ${n}： notes？`],
  (n) => same(`a b ${n}/深 处/leaf`),
];

const EMPTY_EVERY = 10;
const MOST_BYTES = 6_000;
/** Above the size of one part, and no multiple of it. */
const LARGE_BYTES = 9 * 2 ** 20;

export interface AwkwardTree {
  /** Paths on the disk of all files, with what is stored of them. */
  readonly files: ReadonlyMap<string, { readonly stored: string; readonly bytes: Buffer }>;
  /** Paths of the directories that hold files, on the disk and at the service. */
  readonly directories: readonly (readonly [string, string])[];
  /** Name of a directory without anything in it, the same on both sides. */
  readonly emptyDirectory: string;
}

/** Writes `directories` directories of `filesEach` small files below `folder`, one in ten empty, one file of 9 MiB, and an empty directory. */
export function writeAwkwardTree(folder: string, directories: number, filesEach: number): AwkwardTree {
  const files = new Map<string, { stored: string; bytes: Buffer }>();
  const places: (readonly [string, string])[] = [];
  const random = pseudoRandom(directories);
  const add = (path: string, stored: string, bytes: Buffer) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
    files.set(path, { stored, bytes });
  };
  for (let d = 0; d < directories; d++) {
    const place = DIRECTORY_NAMES[d % DIRECTORY_NAMES.length]!(numbered(d));
    places.push(place);
    for (let f = 0; f < filesEach; f++) {
      const [name, stored] = FILE_NAMES[f % FILE_NAMES.length]!(numbered(f));
      const size = (d + f) % EMPTY_EVERY === 0 ? 0 : 1 + Math.floor(random() * MOST_BYTES);
      add(`${place[0]}/${name}`, `${place[1]}/${stored}`, pseudoRandomBytes(size, d * filesEach + f));
    }
  }
  add("大文件 9 MiB.bin", "大文件 9 MiB.bin", pseudoRandomBytes(LARGE_BYTES, 9));
  mkdirSync(join(folder, "empty 空"));
  return { files, directories: places, emptyDirectory: "empty 空" };
}

function same(name: string): readonly [string, string] {
  return [name, name];
}

function numbered(n: number): string {
  return String(n + 1).padStart(3, "0");
}
