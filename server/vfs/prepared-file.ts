/** The disk under `prepared.ts`: two files that are written to the end in turn, the older being begun anew when both are full, and an index of what is in them. */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readvSync,
  renameSync,
  rmSync,
  writeFileSync,
  writevSync,
} from "node:fs";
import { FileAhead } from "./file-ahead.ts";

/** Where a record is: the key's bytes, then the content's. */
interface Place {
  readonly segment: Segment;
  readonly at: number;
  readonly keyBytes: number;
  readonly bytes: number;
}

interface Segment {
  readonly number: number;
  readonly fd: number;
  end: number;
  records: number;
}

/** Places kept in memory, some 100 bytes each. */
const MOST_RECORDS = 50_000;
/** Longer keys are not kept. */
const MAX_KEY_BYTES = 4096;
/** Numbers of one record in the index: hash, segment, start, bytes of the key, bytes of the content. */
const INDEX_FIELDS = 5;
/** Of the files' form; others are begun anew. */
const INDEX_FORMAT = 1;

/** Records by key, on the disk. */
export class PreparedFile {
  readonly #path: string;
  readonly #segmentBytes: number;
  readonly #segments: readonly Segment[];
  readonly #places = new Map<number, Place>();
  readonly #askedKey = Buffer.allocUnsafeSlow(MAX_KEY_BYTES);
  readonly #foundKey = Buffer.allocUnsafeSlow(MAX_KEY_BYTES);
  readonly #ahead = new FileAhead();
  #current: Segment;
  #lastKey = "";
  #lastHash = hashOf("");

  /**
   * Opens `<path>.0` and `<path>.1`. What they hold counts only where `<path>.index` says that the start `before` closed them in order;
   * the index is taken away, so that nothing counts after a crash. Throws Node's errors of files.
   */
  constructor(path: string, before: number, quotaBytes: number) {
    this.#path = path;
    this.#segmentBytes = Math.floor(quotaBytes / 2);
    const index = takeIndex(`${path}.index`, before);
    const flags = index ? "r+" : "w+";
    this.#segments = [0, 1].map((number) => ({
      number,
      fd: openSync(`${path}.${number}`, flags, 0o600),
      end: 0,
      records: 0,
    }));
    this.#current = this.#segments[index?.current ?? 0] as Segment;
    if (index) this.#fill(index.numbers);
  }

  /** Length of the content under a key, in bytes; undefined when there is none. */
  lengthOf(key: string): number | undefined {
    return this.#placeOf(key)?.bytes;
  }

  /** Reads the content under a key to `target`, from `at`. False when it is not there after all; what stands in `target` then means nothing. */
  read(key: string, target: Buffer, at: number): boolean {
    const place = this.#placeOf(key);
    if (!place || Buffer.byteLength(key) !== place.keyBytes) return false;
    this.#askedKey.write(key);
    const ahead = this.#ahead.find(place.segment.fd, place.at, place.keyBytes + place.bytes, place.segment.end);
    if (ahead) {
      if (ahead.compare(this.#askedKey, 0, place.keyBytes, 0, place.keyBytes) !== 0) return false;
      ahead.copy(target, at, place.keyBytes);
      return true;
    }
    const found = this.#foundKey.subarray(0, place.keyBytes);
    const into = [found, target.subarray(at, at + place.bytes)];
    if (readvSync(place.segment.fd, into, place.at) !== place.keyBytes + place.bytes) return false;
    return found.compare(this.#askedKey, 0, place.keyBytes) === 0;
  }

  /** Adds a record. Returns false for a key that is too long; throws when the disk refuses. */
  append(key: string, bytes: Buffer): boolean {
    const keyBytes = Buffer.byteLength(key);
    if (keyBytes > MAX_KEY_BYTES) return false;
    const { end, records } = this.#current;
    if (end + keyBytes + bytes.length > this.#segmentBytes || records >= MOST_RECORDS / 2) this.#turn();
    const segment = this.#current;
    this.#askedKey.write(key);
    const parts = [this.#askedKey.subarray(0, keyBytes), bytes];
    const written = writevSync(segment.fd, parts, segment.end);
    if (written !== keyBytes + bytes.length) throw new Error("the disk took a part of a record only");
    this.#places.set(hashOf(key), { segment, at: segment.end, keyBytes, bytes: bytes.length });
    segment.end += written;
    segment.records += 1;
    return true;
  }

  /** Asks the disk to have what was written, in the background, so that `close` finds little to wait for. */
  flush(): void {
    // A failure shows again in `closeInOrder`, where it counts.
    for (const { fd } of this.#segments) fdatasync(fd, () => {});
  }

  /** Ends it; `start` is the number of this start, under which the next one finds it in order. Throws when the disk refuses. */
  closeInOrder(start: number): void {
    try {
      for (const { fd } of this.#segments) fdatasyncSync(fd);
      const numbers = new Float64Array(3 + this.#places.size * INDEX_FIELDS);
      numbers.set([INDEX_FORMAT, start, this.#current.number]);
      let i = 3;
      for (const [hash, { segment, at, keyBytes, bytes }] of this.#places) {
        numbers.set([hash, segment.number, at, keyBytes, bytes], i);
        i += INDEX_FIELDS;
      }
      const file = `${this.#path}.index`;
      writeFileSync(`${file}.new`, new Uint8Array(numbers.buffer), { mode: 0o600, flush: true });
      renameSync(`${file}.new`, file);
    } finally {
      this.close();
    }
  }

  /** Lets go of the files; nothing in them counts for the next start. */
  close(): void {
    for (const { fd } of this.#segments) closeSync(fd);
  }

  /** Whoever asks for the length asks for the content next: the hash is made once for both. */
  #placeOf(key: string): Place | undefined {
    if (key !== this.#lastKey) {
      this.#lastKey = key;
      this.#lastHash = hashOf(key);
    }
    return this.#places.get(this.#lastHash);
  }

  /** Begins the older segment anew. */
  #turn(): void {
    const next = this.#segments[1 - this.#current.number] as Segment;
    this.#ahead.forget();
    for (const [hash, { segment }] of this.#places) if (segment === next) this.#places.delete(hash);
    ftruncateSync(next.fd, 0);
    next.end = 0;
    next.records = 0;
    this.#current = next;
  }

  #fill(numbers: Float64Array): void {
    for (let i = 3; i + INDEX_FIELDS <= numbers.length; i += INDEX_FIELDS) {
      const [hash, number, at, keyBytes, bytes] = numbers.subarray(i, i + INDEX_FIELDS);
      const segment = this.#segments[number as number];
      if (!segment) continue;
      const place = { segment, at: at as number, keyBytes: keyBytes as number, bytes: bytes as number };
      this.#places.set(hash as number, place);
      segment.end = Math.max(segment.end, place.at + place.keyBytes + place.bytes);
      segment.records += 1;
    }
  }
}

/** Removes the files of a path, whatever state they are in. */
export function removePreparedFiles(path: string): void {
  for (const suffix of [".0", ".1", ".index", ".index.new"]) rmSync(path + suffix, { force: true });
}

/** The index, which is there once only. */
function takeIndex(
  file: string,
  before: number,
): { readonly numbers: Float64Array; readonly current: number } | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return undefined; // none: the first start, or one after a crash
  }
  rmSync(file);
  if (bytes.length % 8 !== 0) return undefined;
  const numbers = new Float64Array(new Uint8Array(bytes).buffer);
  const [format, start, current] = numbers;
  return format === INDEX_FORMAT && start === before && (current === 0 || current === 1)
    ? { numbers, current }
    : undefined;
}

/** 53 bits of a key. Records of equal hashes push each other out; the whole key is compared when one is read. */
function hashOf(key: string): number {
  let high = 0x811c9dc5;
  let low = 0x9e3779b9;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x85ebca6b) ^ (low >>> 15);
  }
  return (high >>> 0) * 2 ** 21 + (low >>> 11);
}
