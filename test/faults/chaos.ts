/**
 * The layer `chaos`: puts faults into a mount's calls, at places that are said or that a seed decides. For tests only.
 * Counts every point of a run at which a storage could fail: each call, and of a listing each page and its end.
 */
import { type PassThrough, type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions, Entry, Operation, UploadSource } from "#drivers/contract/mount.ts";
import { around, type Call, type Layer, optionsOf, type Page } from "#server/layers/layer.ts";
import { pseudoRandom } from "#test/support/pseudo-random.ts";

/** A point of a run at which a storage could fail. */
export interface CallPoint {
  readonly operation: Operation;
  /** Which call of that operation, from 1. */
  readonly call: number;
  /** Of a listing: the page that is about to be handed on, from 1; one more than there are pages: the end. */
  readonly page?: number;
}

/** Where a fault strikes: every point that all given fields fit. */
interface FaultPlace {
  readonly operation: Operation;
  readonly call?: number;
  readonly page?: number;
}

/** What goes wrong there. */
type Harm =
  /** The call fails: before anything happened, or after the storage did it (uploads, moves and the like whose answer is lost). */
  | { readonly fails: StorageError; readonly when?: "before" | "after" }
  /** The call waits. */
  | { readonly delayMs: number }
  /** One bit of this byte of an upload changes on its way into the storage. */
  | { readonly flipsByte: number }
  /** A read ends after so many bytes as if the file were that short. */
  | { readonly cutsAfter: number };

type Fault = FaultPlace & Harm;

/** Faults that a seed decides. */
export interface RandomFaults {
  readonly seed: number;
  /** How probable a failure is at each point, 0 … 1. */
  readonly rate: number;
  /** Where; default: everywhere. Of listings only the first page where `firstPageOnly`. */
  readonly operations?: readonly Operation[];
  readonly firstPageOnly?: boolean;
  /** Most failures in a row for one operation on one entry, so that a caller that tries again gets through. Default: no limit. */
  readonly atMostInARow?: number;
  /** Default: `unavailable`, retryable. */
  readonly fails?: StorageError;
}

export interface ChaosOptions {
  readonly faults?: readonly Fault[];
  readonly random?: RandomFaults;
}

/** One run's chaos. */
export interface Chaos {
  /** Wraps a mount; several mounts may share one chaos, and its counts. */
  readonly layer: Layer;
  /** Every point that was passed before it healed, in order. */
  readonly points: readonly CallPoint[];
  /** How many faults struck. */
  struck(): number;
  /** From now on nothing fails. */
  heal(): void;
}

/** A chaos that does what `options` say; without any it only counts. */
export function createChaos({ faults = [], random }: ChaosOptions = {}): Chaos {
  const points: CallPoint[] = [];
  const calls = new Map<Operation, number>();
  const failsAtRandom = random ? randomFailures(random) : () => undefined;
  let healed = false;
  let strikes = 0;

  const begin = (operation: Operation): CallPoint => {
    const call = (calls.get(operation) ?? 0) + 1;
    calls.set(operation, call);
    return { operation, call };
  };
  /** The harms of a point, the random one among them. */
  const strike = (point: CallPoint, subject: string): readonly Harm[] => {
    if (healed) return [];
    points.push(point);
    const due: Harm[] = faults.filter((fault) => fits(fault, point));
    const error = failsAtRandom(point, subject);
    if (error) due.push({ fails: error });
    strikes += due.length;
    return due;
  };

  const layer: Layer = (inner) =>
    around(inner, {
      async call(call, next) {
        const { signal } = optionsOf(call);
        signal.throwIfAborted();
        const harms = strike(begin(call.operation), subjectOf(call));
        await wait(harms, signal);
        for (const harm of harms) if ("fails" in harm && harm.when !== "after") throw harm.fails;
        const answer = await next(harmed(call, harms));
        for (const harm of harms)
          if ("fails" in harm && harm.when === "after") await takeBack(call, answer, harm.fails);
        for (const harm of harms) if ("cutsAfter" in harm) return cut(answer as Readable, harm.cutsAfter);
        return answer;
      },
      async *list(directory: Entry, o: CallOptions, next: () => AsyncIterable<Page>) {
        o.signal.throwIfAborted();
        const listing = begin("list");
        let page = 0;
        const pass = async () => {
          const harms = strike({ ...listing, page: ++page }, directory.id);
          await wait(harms, o.signal);
          for (const harm of harms) if ("fails" in harm) throw harm.fails;
        };
        await pass();
        let first = true;
        for await (const entries of next()) {
          if (!first) await pass();
          first = false;
          yield entries;
        }
        if (!first) await pass();
      },
    });

  return {
    layer,
    points,
    struck: () => strikes,
    heal() {
      healed = true;
    },
  };
}

/** The error that the tests inject unless they say another. */
export function injected(where: string, retryable = false): StorageError {
  return new StorageError("unavailable", `a fault was put in at ${where}`, { retryable });
}

/** The point in words. */
export function describePoint({ operation, call, page }: CallPoint): string {
  return `${operation} ${call}${page === undefined ? "" : `, page ${page}`}`;
}

function fits(place: FaultPlace, point: CallPoint): boolean {
  return (
    place.operation === point.operation &&
    (place.call === undefined || place.call === point.call) &&
    (place.page === undefined || place.page === point.page)
  );
}

function randomFailures({ seed, rate, operations, firstPageOnly, atMostInARow, fails }: RandomFaults) {
  const next = pseudoRandom(seed);
  const inARow = new Map<string, number>();
  return (point: CallPoint, subject: string): StorageError | undefined => {
    const chance = next();
    if (operations && !operations.includes(point.operation)) return undefined;
    if (firstPageOnly && (point.page ?? 1) > 1) return undefined;
    const key = `${point.operation} ${subject}`;
    const before = inARow.get(key) ?? 0;
    if (chance >= rate || before >= (atMostInARow ?? Number.POSITIVE_INFINITY)) {
      inARow.delete(key);
      return undefined;
    }
    inARow.set(key, before + 1);
    return fails ?? injected(`${describePoint(point)} (seed ${seed})`, true);
  };
}

/** What a call is about: the same for the same call made again. */
function subjectOf(call: Call): string {
  const [first] = call.args;
  if (Array.isArray(first)) return first.map((one) => (typeof one === "string" ? one : one.id)).join("/");
  return typeof first === "object" && first !== null && "id" in first ? String(first.id) : "";
}

async function wait(harms: readonly Harm[], signal: AbortSignal): Promise<void> {
  for (const harm of harms) {
    if (!("delayMs" in harm)) continue;
    await sleep(harm.delayMs, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  }
}

/** The call's arguments as the storage gets them. */
function harmed(call: Call, harms: readonly Harm[]): readonly unknown[] {
  if (call.operation !== "upload") return call.args;
  const args: unknown[] = [...call.args];
  for (const harm of harms) if ("flipsByte" in harm) args[2] = flipped(args[2] as UploadSource, harm.flipsByte);
  return args;
}

/** The storage did it, and its answer is lost. */
async function takeBack(call: Call, answer: unknown, error: StorageError): Promise<never> {
  if (call.operation === "read") (answer as Readable).on("error", () => undefined).destroy();
  throw error;
}

function flipped(source: UploadSource, at: number): UploadSource {
  return {
    ...source,
    async open(range) {
      let position = range?.offset ?? 0;
      const flip = new Transform({
        transform(piece: Buffer, _encoding, done) {
          const inside = at - position;
          position += piece.length;
          if (inside < 0 || inside >= piece.length) return done(null, piece);
          const changed = Buffer.from(piece);
          changed[inside]! ^= 1;
          done(null, changed);
        },
      });
      return through(await source.open(range), flip);
    },
    digest: (name, range) => source.digest(name, range),
  };
}

function cut(stream: Readable, after: number): Readable {
  let left = after;
  const shortened = new Transform({
    transform(piece: Buffer, _encoding, done) {
      const kept = piece.subarray(0, left);
      left -= kept.length;
      done(null, kept);
    },
  });
  return through(stream, shortened);
}

function through(from: Readable, by: Transform | PassThrough): Readable {
  // The pipeline destroys both with the failure of either, which the reader of `by` sees.
  pipeline(from, by).catch(() => undefined);
  return by;
}
