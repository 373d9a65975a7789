/** Whole multistatuses in memory, for directories that are asked for again and again, and beside them their compressed form once somebody has asked for it. */
import { LRUCache } from "lru-cache";
import { compress } from "#server/http/content-coding.ts";

/** Bytes of answers kept in memory, both forms counted. */
const MOST_BYTES = 32 * 1024 * 1024;
/** A longer answer is not kept: one huge directory must not push out all others. */
export const MAX_PREPARED_BYTES = 8 * 1024 * 1024;
/** Questions remembered to tell what is asked for again from what a scan passes by; up to twice as many. */
const MOST_ASKED = 300;

export const TAIL = "</D:multistatus>";

/** One answer, ready to be sent. Immutable but for its compressed form. */
export interface PreparedAnswer {
  /** All before the children, as byte text: it may change without the directory's version. */
  readonly self: string;
  readonly whole: Buffer;
  /** `whole` compressed, or on its way to be; absent until somebody asks. */
  gzip?: Buffer | Promise<Buffer>;
}

/** Answers by a key that names everything the children depend on. */
export interface PreparedAnswers {
  /** The answer that begins with `self`; undefined where none is kept. */
  get(key: string, self: string): PreparedAnswer | undefined;
  keep(key: string, answer: PreparedAnswer): void;
  /** The compressed form, made once for all who ask; kept where the answer is. */
  gzip(key: string | undefined, answer: PreparedAnswer): Buffer | Promise<Buffer>;
  /** True where somebody has asked this not long ago; it counts as asked from now on. */
  isAskedAgain(key: string): boolean;
}

/** An answer of byte text and bytes. */
export function answerOf(self: string, children: Buffer): PreparedAnswer {
  const whole = Buffer.allocUnsafeSlow(self.length + children.length + TAIL.length);
  whole.write(self, 0, "latin1");
  children.copy(whole, self.length);
  whole.write(TAIL, self.length + children.length, "latin1");
  return { self, whole };
}

/** The children's bytes of an answer, not copied. */
export function childrenOf({ self, whole }: PreparedAnswer): Buffer {
  return whole.subarray(self.length, whole.length - TAIL.length);
}

/** An empty memory. */
export function createPreparedAnswers(): PreparedAnswers {
  const kept = new LRUCache<string, PreparedAnswer>({
    maxSize: MOST_BYTES,
    sizeCalculation: ({ whole, gzip }, key) =>
      whole.length + (Buffer.isBuffer(gzip) ? gzip.length : 0) + key.length * 2 + 500,
  });
  let asked = new Set<string>();
  let askedBefore = asked;
  const keep = (key: string, answer: PreparedAnswer) => {
    if (answer.whole.length <= MAX_PREPARED_BYTES) kept.set(key, answer);
  };

  return {
    keep,
    get(key, self) {
      const known = kept.get(key);
      if (!known || known.self === self) return known;
      const renewed = answerOf(self, childrenOf(known));
      keep(key, renewed);
      return renewed;
    },
    gzip(key, answer) {
      if (answer.gzip) return answer.gzip;
      const made = compress(answer.whole).then(
        (bytes) => {
          answer.gzip = bytes;
          // Counted anew, unless another has taken its place meanwhile.
          if (key !== undefined && kept.peek(key) === answer) kept.set(key, answer);
          return bytes;
        },
        (error: unknown) => {
          delete answer.gzip;
          throw error;
        },
      );
      answer.gzip = made;
      return made;
    },
    isAskedAgain(key) {
      if (asked.has(key) || askedBefore.has(key)) return true;
      if (asked.size >= MOST_ASKED) {
        askedBefore = asked;
        asked = new Set();
      }
      asked.add(key);
      return false;
    },
  };
}
