/** Upload sources of any length, made as they are read: byte `i` is `i mod 251`, which the simulator keeps as that rule. */
import { Readable } from "node:stream";
import type { Checkpoint, Json, UploadSource } from "#drivers/contract/mount.ts";
import { ruleContent } from "#test/simulators/sjtu-pan/content.ts";

const PERIOD = 251;
const PATTERN = Buffer.from(Array.from({ length: PERIOD * 1024 }, (_, i) => i % PERIOD));

/** The bytes of the rule from `offset` on. */
export function countingBytes(length: number, offset = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; ) {
    const from = (offset + at) % PERIOD;
    at += PATTERN.copy(bytes, at, from, Math.min(PATTERN.length, from + length - at));
  }
  return bytes;
}

/** A source of the rule that remembers which ranges were read. `breaks`: fails after so many bytes of each reading. */
export function countingSource(
  size: number,
  {
    kind = "stream",
    breaks,
    modifiedAt = 1_000,
  }: { kind?: "stream" | "seekable"; breaks?: number; modifiedAt?: number } = {},
): UploadSource & { readonly readings: { offset: number; bytes: number }[] } {
  const readings: { offset: number; bytes: number }[] = [];
  return {
    kind,
    size,
    modifiedAt,
    hashes: {},
    readings,
    async open(range) {
      if (kind === "stream" && readings.length > 0) throw new Error("a stream can be opened once");
      const offset = range?.offset ?? 0;
      const end = Math.min(size, offset + (range?.length ?? size));
      const reading = { offset, bytes: 0 };
      readings.push(reading);
      return new Readable({
        highWaterMark: 256 * 1024,
        read() {
          const at = offset + reading.bytes;
          if (breaks !== undefined && reading.bytes >= breaks) {
            this.destroy(new Error("the source broke off"));
            return;
          }
          const from = at % PERIOD;
          const piece = PATTERN.subarray(from, Math.min(PATTERN.length, from + end - at));
          reading.bytes += piece.length;
          this.push(piece.length > 0 ? piece : null);
        },
      });
    },
    async digest(name, range) {
      if (name !== "crc64" || range) throw new Error(`${name} of this source is not known`);
      return String(ruleContent({ kind: "count", first: 0 }, size).crc64());
    },
  };
}

/** A checkpoint in memory. */
export function memoryCheckpoint(
  state?: Json,
): Checkpoint & { readonly state: Json | undefined; readonly saves: number } {
  let kept = state;
  let saves = 0;
  return {
    get state() {
      return kept;
    },
    get saves() {
      return saves;
    },
    load: async () => kept,
    async save(next) {
      saves++;
      kept = JSON.parse(JSON.stringify(next));
    },
    async clear() {
      kept = undefined;
    },
  };
}
