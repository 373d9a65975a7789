/** A download that is not whole yet: `NAME.pandav-part` with the bytes, and beside it which of them are there, so that the same command goes on where it was. */
import { type FileHandle, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { uptime } from "node:os";
import { Writable } from "node:stream";
import { z } from "zod";
import { CommandError, EXIT } from "../report.ts";

/** Shortest time between two notes of what is there, in milliseconds. */
const SAVE_MS = 2000;

/** Bytes that wait while a write is under way; all of them go into the next. */
const QUEUE = 1024 * 1024;

/** Two starts of the machine are one where they seem less apart than that, in milliseconds. */
const SAME_START_MS = 60_000;

/** What the bytes are of. */
export interface PartFacts {
  /** The file's path at the server. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Another one means other content. */
  readonly version: string;
}

/** Bytes `from` … `to - 1`. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const stateSchema = z.object({
  path: z.string(),
  size: z.int().min(0),
  version: z.string(),
  done: z.array(z.object({ from: z.int().min(0), to: z.int() })),
  process: z.object({ pid: z.int(), machineStartedAt: z.number() }).optional(),
});
type State = z.output<typeof stateSchema>;

export class PartFile {
  readonly path: string;
  readonly #statePath: string;
  readonly #facts: PartFacts;
  readonly #handle: FileHandle;
  #done: Span[];
  /** What is being written: from where, and how far it is. */
  readonly #growing = new Set<{ readonly from: number; to: number }>();
  #savedAt = performance.now();
  #saving: Promise<void> = Promise.resolve();

  private constructor(path: string, facts: PartFacts, handle: FileHandle, done: Span[]) {
    this.path = path;
    this.#statePath = `${path}.json`;
    this.#facts = facts;
    this.#handle = handle;
    this.#done = done;
  }

  /** Opens what an earlier try of the same content left, or begins anew. Throws CommandError where another process is at it. */
  static async open(target: string, facts: PartFacts): Promise<PartFile> {
    const path = `${target}.pandav-part`;
    const known = await readState(`${path}.json`);
    if (known && isOfLivingProcess(known))
      throw new CommandError(EXIT.failed, `${target} is being downloaded by process ${known.process!.pid}`);
    const isSame = known && known.path === facts.path && known.size === facts.size && known.version === facts.version;
    const kept = isSame ? await openKept(path, facts.size) : undefined;
    const handle = kept ?? (await open(path, "w+"));
    const part = new PartFile(path, facts, handle, kept ? merged(known!.done) : []);
    try {
      await handle.truncate(facts.size);
      await part.#save();
    } catch (error) {
      await (kept ? part.#close() : part.discard());
      throw error;
    }
    return part;
  }

  /** Bytes that are there. */
  get bytes(): number {
    return this.#done.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  /** What is not there, in spans of at most `most` bytes. */
  missing(most: number): Span[] {
    const gaps: Span[] = [];
    let at = 0;
    for (const { from, to } of [...this.#done, { from: this.#facts.size, to: this.#facts.size }]) {
      for (; at < from; at = Math.min(from, at + most)) gaps.push({ from: at, to: Math.min(from, at + most) });
      at = Math.max(at, to);
    }
    return gaps;
  }

  /** Takes the bytes from an offset on, and tells how many of them are written. What was written counts even where it fails. */
  writer(from: number, written: (bytes: number) => void): Writable {
    const span = { from, to: from };
    this.#growing.add(span);
    const settle = () => {
      if (this.#growing.delete(span)) this.#done = merged([...this.#done, span]);
    };
    const write = async (chunks: readonly Buffer[]): Promise<void> => {
      for (let left = chunks; left.length > 0; ) {
        const { bytesWritten } = await this.#handle.writev(left, span.to);
        span.to += bytesWritten;
        written(bytesWritten);
        left = after(left, bytesWritten);
      }
      if (performance.now() - this.#savedAt >= SAVE_MS) await this.#save();
    };
    return new Writable({
      highWaterMark: QUEUE,
      write: (chunk: Buffer, _encoding, done) => void write([chunk]).then(() => done(), done),
      writev: (chunks, done) => void write(chunks.map(({ chunk }) => chunk as Buffer)).then(() => done(), done),
      final: (done) => {
        settle();
        done();
      },
      destroy: (error, done) => {
        settle();
        done(error);
      },
    });
  }

  /** How many bytes are there from the file's beginning on without a gap. */
  get prefix(): number {
    const [first] = this.#done;
    return first?.from === 0 ? first.to : 0;
  }

  /** Bytes that are there, in order; each is valid until the next is asked for. */
  async *read({ from, to }: Span): AsyncGenerator<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.min(QUEUE, Math.max(1, to - from)));
    for (let at = from; at < to; ) {
      const { bytesRead } = await this.#handle.read(buffer, 0, Math.min(buffer.length, to - at), at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /** Gives the whole file its time and makes it durable. */
  async seal(modifiedAt: number | undefined, mode: number | undefined): Promise<void> {
    if (mode !== undefined) await this.#handle.chmod(mode);
    if (modifiedAt !== undefined) await this.#handle.utimes(Date.now() / 1000, modifiedAt / 1000);
    await this.#handle.sync();
  }

  /** Lets go of it, so that another try goes on. */
  async keep(): Promise<void> {
    await this.#save(false).catch(() => {}); // a full disk may hold no newer note; the older one is true too
    await this.#close();
  }

  /** Removes what is left of it: `place` has put the bytes where they belong, or they are of no use. */
  async discard(): Promise<void> {
    await this.#close();
    await rm(this.path, { force: true });
    await rm(this.#statePath, { force: true });
  }

  async #close(): Promise<void> {
    await this.#saving;
    await this.#handle.close();
  }

  #save(isOurs = true): Promise<void> {
    this.#savedAt = performance.now();
    const saving = this.#saving.then(async () => {
      const done = merged([...this.#done, ...this.#growing]);
      // What is noted as there must be there after a power cut too.
      if (done.length > 0) await this.#handle.datasync();
      const state: State = {
        ...this.#facts,
        done,
        ...(isOurs && { process: { pid: process.pid, machineStartedAt: machineStart() } }),
      };
      await writeFile(`${this.#statePath}.new`, JSON.stringify(state));
      await rename(`${this.#statePath}.new`, this.#statePath);
    });
    this.#saving = saving.catch(() => {});
    return saving;
  }
}

async function readState(path: string): Promise<State | undefined> {
  try {
    return stateSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined; // there is none, or it is of no use
  }
}

/** The bytes of an earlier try; undefined where they are not as the note says. */
async function openKept(path: string, size: number): Promise<FileHandle | undefined> {
  try {
    const handle = await open(path, "r+");
    if ((await handle.stat()).size === size) return handle;
    await handle.close();
  } catch {
    // gone: begun anew
  }
  return undefined;
}

function isOfLivingProcess({ process: owner }: State): boolean {
  if (!owner || owner.pid === process.pid) return false;
  if (Math.abs(owner.machineStartedAt - machineStart()) > SAME_START_MS) return false;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function machineStart(): number {
  return Math.round(Date.now() - uptime() * 1000);
}

/** The same bytes in order, each once. */
function merged(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const { from, to } of spans.filter((span) => span.to > span.from).sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last && from <= last.to) result[result.length - 1] = { from: last.from, to: Math.max(last.to, to) };
    else result.push({ from, to });
  }
  return result;
}

/** What is left of the chunks after their first `count` bytes. */
function after(chunks: readonly Buffer[], count: number): Buffer[] {
  const left: Buffer[] = [];
  let skip = count;
  for (const chunk of chunks) {
    if (skip < chunk.length) left.push(skip > 0 ? chunk.subarray(skip) : chunk);
    skip = Math.max(0, skip - chunk.length);
  }
  return left;
}
