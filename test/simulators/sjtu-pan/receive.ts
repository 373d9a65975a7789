/** A body of the store while it arrives: measured, and kept as bytes or as the rule that they follow. */
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { bytesContent, type Content, measuredContent, type Rule, ruleBytes, ruleContent } from "./content.ts";
import { createCrc64 } from "./crc64.ts";

export interface Received {
  readonly content: Content;
  /** Hex; of the length alone where digests are off. */
  readonly md5: string;
}

export interface ReceiveOptions {
  readonly keepBytes: boolean;
  readonly digests: boolean;
}

/** Shorter bodies are kept as they are. */
const RULE_FROM = 65_536;

/** Largest piece compared with a rule at a time. */
const PIECE = 2 ** 20;

/** Reads a body to its end. Throws what the stream throws, and an error where fewer or more than `length` bytes came. */
export async function receive(body: Readable, length: number, options: ReceiveOptions): Promise<Received> {
  const md5 = options.digests ? createHash("md5") : undefined;
  let rule: Rule | undefined;
  let decided = length < RULE_FROM;
  let pieces: Buffer[] = [];
  let size = 0;
  const sum = createCrc64();
  const keep = (piece: Buffer) => {
    if (options.keepBytes) pieces.push(piece);
    if (options.digests || !options.keepBytes) sum.update(piece);
  };
  for await (const chunk of body as AsyncIterable<Buffer>) {
    md5?.update(chunk);
    if (!decided) {
      rule = ruleOf(chunk);
      decided = true;
    }
    if (rule && !follows(rule, size, chunk)) {
      for (const piece of ruleContent(rule, size).read(0, size)) keep(Buffer.from(piece));
      rule = undefined;
    }
    if (!rule) keep(chunk);
    size += chunk.length;
  }
  if (size !== length) throw new Error(`the body has ${size} bytes and ${length} were announced`);
  if (pieces.length > 64) pieces = [Buffer.concat(pieces)];
  const content = rule
    ? ruleContent(rule, size)
    : options.keepBytes
      ? bytesContent(pieces, options.digests ? sum.value() : undefined)
      : measuredContent(size, sum.value());
  const digest = md5?.digest("hex") ?? createHash("md5").update(`no digest, ${size} bytes`).digest("hex");
  return { content, md5: digest };
}

function ruleOf(chunk: Buffer): Rule | undefined {
  const [first = 0, second = 0] = chunk;
  if (first === 0 && second === 0) return { kind: "zeros" };
  return first < 251 && second === (first + 1) % 251 ? { kind: "count", first } : undefined;
}

function follows(rule: Rule, offset: number, chunk: Buffer): boolean {
  for (let at = 0; at < chunk.length; at += PIECE) {
    const piece = chunk.subarray(at, at + PIECE);
    if (!piece.equals(ruleBytes(rule, offset + at, piece.length))) return false;
  }
  return true;
}
