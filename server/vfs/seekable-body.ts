/** A seekable source on its way to a storage: counted, hashed as its ranges pass, and held at the end of each until it is known to be unchanged. */
import type { Readable } from "node:stream";
import { StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange, Hashes, HashName } from "#drivers/contract/mount.ts";
import { combineCrc64 } from "#drivers/kit/crc64.ts";
import { computable, type RunningDigest, startDigest } from "./digests.ts";
import { endWith } from "./joined-signal.ts";
import { shortBody } from "./received-body.ts";
import type { SeekableSource } from "./resource.ts";

/** The CRC-64 of a range that passed whole. */
interface Piece {
  readonly length: number;
  readonly crc64: string;
}

export class SeekableBody {
  readonly #source: SeekableSource;
  readonly #names: readonly HashName[];
  /** Of the whole content, as far as they are known. */
  readonly #digests: Partial<Record<HashName, string>> = {};
  /** By offset. */
  readonly #pieces = new Map<number, Piece>();

  readonly #signal: AbortSignal;

  /** `names`: the digests to compute in passing. Every stream ends with the signal. */
  constructor(source: SeekableSource, names: readonly HashName[], signal: AbortSignal) {
    this.#source = source;
    this.#names = computable(names);
    this.#signal = signal;
  }

  /** The digests of the whole content that cost no further reading. */
  get digests(): Hashes {
    const crc64 = this.#digests.crc64 ?? this.#combined();
    if (crc64 !== undefined) this.#digests.crc64 = crc64;
    return { ...this.#digests };
  }

  /** The bytes of a range, its end cut to the content's. The stream fails `incomplete` where bytes are missing, and as `SeekableSource.check` where the content changed. */
  async open(range: ByteRange = { offset: 0 }): Promise<Readable> {
    const { offset, length } = this.#clamp(range);
    const isWhole = offset === 0 && length === this.#source.size;
    const names = isWhole ? this.#names : this.#names.filter((name) => name === "crc64");
    return this.#watch({ offset, length }, names, isWhole);
  }

  /** A digest of the content or of a range of it; what is not known from what passed is read again. */
  async digest(name: HashName, range?: ByteRange): Promise<string> {
    if (computable([name]).length === 0)
      throw new StorageError("unsupported", `${name} of content is not computed here`);
    const { offset, length } = this.#clamp(range ?? { offset: 0 });
    if (offset > 0 || length < this.#source.size) return (await this.#read({ offset, length }, [name]))[name]!;
    if (this.digests[name] === undefined) {
      if (name === "crc64") await this.#readGaps();
      else Object.assign(this.#digests, await this.#read({ offset, length }, [...new Set([...this.#names, name])]));
    }
    return this.digests[name]!;
  }

  #clamp({ offset, length }: ByteRange): Required<ByteRange> {
    const rest = Math.max(0, this.#source.size - offset);
    return { offset, length: Math.min(length ?? rest, rest) };
  }

  async #watch(range: Required<ByteRange>, names: readonly HashName[], isWhole: boolean): Promise<Readable> {
    const running = names.map((name) => ({ name, digest: startDigest(name) }));
    const { stream, ended } = await this.#counted(range, running);
    ended.then(
      (digests) => {
        if (isWhole) Object.assign(this.#digests, digests);
        else if (digests.crc64 !== undefined && range.length > 0)
          this.#pieces.set(range.offset, { length: range.length, crc64: digests.crc64 });
      },
      () => {}, // the stream failed, and whoever reads it knows
    );
    return stream;
  }

  /** Reads a range for its digests alone. */
  async #read(range: Required<ByteRange>, names: readonly HashName[]): Promise<Hashes> {
    const running = names.map((name) => ({ name, digest: startDigest(name) }));
    const { stream, ended } = await this.#counted(range, running);
    stream.once("error", () => {}).resume();
    return ended;
  }

  /** CRC-64 of what did not pass: the parts that the storage had from before a restart. */
  async #readGaps(): Promise<void> {
    let at = 0;
    while (at < this.#source.size) {
      const piece = this.#pieces.get(at);
      if (piece) {
        at += piece.length;
        continue;
      }
      const range = { offset: at, length: this.#nextPiece(at) - at };
      const { crc64 } = await this.#read(range, ["crc64"]);
      this.#pieces.set(at, { length: range.length, crc64: crc64! });
    }
    if (this.#source.size === 0) this.#digests.crc64 = startDigest("crc64").digest();
  }

  #nextPiece(after: number): number {
    let next = this.#source.size;
    for (const offset of this.#pieces.keys()) if (offset > after && offset < next) next = offset;
    return next;
  }

  /** The whole's, where the pieces that passed cover it. */
  #combined(): string | undefined {
    let at = 0;
    let crc64: string | undefined;
    while (at < this.#source.size) {
      const piece = this.#pieces.get(at);
      if (!piece) return undefined;
      crc64 = crc64 === undefined ? piece.crc64 : combineCrc64(crc64, piece.crc64, piece.length);
      at += piece.length;
    }
    return crc64;
  }

  async #counted(range: Required<ByteRange>, running: readonly { name: HashName; digest: RunningDigest }[]) {
    const stream = endWith(await this.#source.open(range), this.#signal);
    const ended = Promise.withResolvers<Hashes>();
    let passed = 0;
    let isWhole = false;
    const finish = async () => {
      await this.#source.check();
      if (passed !== range.length) throw shortBody(passed, range.length);
      isWhole = true;
      ended.resolve(Object.fromEntries(running.map(({ name, digest }) => [name, digest.digest()])));
    };
    // Looks at the stream's own `push`, since a stream between would cost a copy of every byte's way.
    const push = stream.push;
    stream.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
      if (chunk === null) {
        finish().then(
          () => push.call(stream, null),
          (error: Error) => stream.destroy(error),
        );
        return false;
      }
      passed += chunk.length;
      for (const { digest } of running) digest.update(chunk);
      return push.call(stream, chunk, encoding);
    };
    stream.once("close", () => {
      if (!isWhole) ended.reject(stream.errored ?? shortBody(passed, range.length));
    });
    return { stream, ended: ended.promise };
  }
}
