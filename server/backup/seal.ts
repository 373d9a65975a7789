/**
 * The outside of a backup file: a passphrase, and what is under it (docs/backup.md §2). Two lines of text, then pieces of at most 64 KiB, each sealed by
 * AES-256-GCM with a nonce that counts and tells the last one, so that none can be left out, moved or cut off.
 */
import { argon2, createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { z } from "zod";
import { StorageError } from "#drivers/contract/errors.ts";

const MAGIC = "pandav-backup 1\n";
const ALGORITHM = "aes-256-gcm";
const PIECE = 64 * 1024;
const TAG = 16;
const NONCE = 12;

/** OWASP's argon2id with more memory: who has the file may guess for years. KiB, passes, lanes. */
const COST = { memory: 65_536, passes: 3, parallelism: 1 };
/** Longest header, in bytes. */
const MAX_HEADER = 1024;

/** What a header may ask for: a file is not to take all memory. */
const header = z.object({
  kdf: z.literal("argon2id"),
  memory: z.int().min(8).max(1_048_576),
  passes: z.int().min(1).max(16),
  parallelism: z.int().min(1).max(16),
  salt: z.base64(),
});

const derive = promisify(argon2);

/** Shortest passphrase, in characters. */
const MIN_PASSPHRASE = 8;

/** The pieces of a backup file around `content`. Throws `invalid-config` on a passphrase that is too short. */
export async function* sealed(
  content: AsyncIterable<Buffer>,
  passphrase: string,
  cost = COST,
): AsyncGenerator<Buffer, void, undefined> {
  checkPassphrase(passphrase);
  const salt = randomBytes(16);
  const head = Buffer.from(`${MAGIC}${JSON.stringify({ kdf: "argon2id", ...cost, salt: salt.toString("base64") })}\n`);
  const key = await keyOf(passphrase, salt, cost);
  yield head;
  let counter = 0;
  const piece = (bytes: Buffer, isLast: boolean) => {
    const cipher = createCipheriv(ALGORITHM, key, nonceOf(counter++, isLast), { authTagLength: TAG }).setAAD(head);
    return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  };
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of content) {
    rest = Buffer.concat([rest, chunk]);
    // One is held back: the last is known only at the end.
    while (rest.length > PIECE) {
      yield piece(rest.subarray(0, PIECE), false);
      rest = rest.subarray(PIECE);
    }
  }
  yield piece(rest, true);
}

/** What `sealed` was given. Throws `invalid-config` on what is no backup, on a wrong passphrase, and on one that was changed or cut off. */
export async function* unsealed(
  file: AsyncIterable<Buffer>,
  passphrase: string,
): AsyncGenerator<Buffer, void, undefined> {
  const source = file[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  let isAtEnd = false;
  const fill = async (size: number) => {
    while (!isAtEnd && rest.length < size) {
      const { value, done } = await source.next();
      if (done) isAtEnd = true;
      else rest = Buffer.concat([rest, value]);
    }
  };
  try {
    await fill(MAX_HEADER);
    const { head, parsed } = readHeader(rest);
    rest = rest.subarray(head.length);
    const key = await keyOf(passphrase, Buffer.from(parsed.salt, "base64"), parsed);
    for (let counter = 0; ; counter++) {
      // One byte more tells whether this is the last.
      await fill(PIECE + TAG + 1);
      const isLast = rest.length <= PIECE + TAG;
      const bytes = rest.subarray(0, PIECE + TAG);
      rest = rest.subarray(bytes.length);
      yield open(bytes, { key, nonce: nonceOf(counter, isLast), head, isFirst: counter === 0 });
      if (isLast) return;
    }
  } finally {
    await source.return?.();
  }
}

function open(bytes: Buffer, o: { key: Buffer; nonce: Buffer; head: Buffer; isFirst: boolean }): Buffer {
  try {
    const at = bytes.length - TAG;
    const decipher = createDecipheriv(ALGORITHM, o.key, o.nonce, { authTagLength: TAG })
      .setAAD(o.head)
      .setAuthTag(bytes.subarray(at));
    return Buffer.concat([decipher.update(bytes.subarray(0, at)), decipher.final()]);
  } catch (error) {
    const why = o.isFirst ? "the passphrase is wrong, or the file is damaged" : "it is damaged, or its end is missing";
    throw new StorageError("invalid-config", `the backup cannot be opened: ${why}`, { cause: error });
  }
}

function readHeader(bytes: Buffer) {
  const end = bytes.indexOf("\n", MAGIC.length);
  const isOurs = bytes.subarray(0, MAGIC.length).toString("latin1") === MAGIC;
  const parsed = isOurs && end > 0 ? header.safeParse(fromJson(bytes.toString("utf8", MAGIC.length, end))) : undefined;
  if (parsed?.success) return { head: Buffer.from(bytes.subarray(0, end + 1)), parsed: parsed.data };
  throw new StorageError("invalid-config", "this is no backup of Pandav, or one of a newer version");
}

/** Also for who asks for it before anything else is done. */
export function checkPassphrase(passphrase: string): void {
  if ([...passphrase].length >= MIN_PASSPHRASE) return;
  throw new StorageError("invalid-config", `the passphrase of a backup has at least ${MIN_PASSPHRASE} characters`);
}

/** Counted, and never used twice: each file has a key of its own. */
function nonceOf(counter: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE);
  nonce.writeUIntBE(counter, NONCE - 1 - 6, 6);
  nonce[NONCE - 1] = isLast ? 1 : 0;
  return nonce;
}

async function keyOf(passphrase: string, nonce: Buffer, { memory, passes, parallelism }: typeof COST): Promise<Buffer> {
  return derive("argon2id", {
    message: Buffer.from(passphrase.normalize("NFC"), "utf8"),
    nonce,
    memory,
    passes,
    parallelism,
    tagLength: 32,
  });
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
