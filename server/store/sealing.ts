/** Secrets at rest: AES-256-GCM, each bound to what it is for, under a key that lies beside the database or comes with the environment. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "#drivers/contract/errors.ts";

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
/** NIST SP 800-38D §5.2.1.1 and §5.2.1.2: a nonce of 96 bits and a tag of 128. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Stands before what was sealed in this way, so that another way can come later. */
const VERSION = "1.";

export interface Sealing {
  /** The text, sealed; makes the key file where there is no key yet. What was sealed for one purpose does not open for another. */
  seal(text: string, purpose: string): string;
  /** The text again. Throws what `refuse` makes of the reason where the key is missing or not the one that sealed it. */
  open(sealed: string, purpose: string, refuse: (why: string, cause?: unknown) => Error): string;
}

/** Sealing over `<dataDir>/secret.key`, or over `key` (64 hexadecimal digits, `PANDAV_SECRET_KEY`). The file is read when it is needed. */
export function openSealing(dataDir: string, key?: string): Sealing {
  const file = join(dataDir, "secret.key");
  let known: Buffer | undefined = key === undefined ? undefined : Buffer.from(key, "hex");
  return {
    seal(text, purpose) {
      known ??= readKey(file) ?? makeKey(file);
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, known, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return VERSION + Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64");
    },
    open(sealed, purpose, refuse) {
      if (key === undefined) known = readKey(file);
      const from = key === undefined ? file : "PANDAV_SECRET_KEY";
      if (!known) throw refuse(`the key file ${file} is missing: put it back`);
      try {
        return unseal(sealed, known, purpose);
      } catch (error) {
        throw refuse(`${from} is not the key that it was sealed with: put the right one back`, error);
      }
    },
  };
}

function unseal(sealed: string, key: Uint8Array, purpose: string): string {
  if (!sealed.startsWith(VERSION)) throw new Error("sealed in a way that is not known here");
  const bytes = Buffer.from(sealed.slice(VERSION.length), "base64");
  const body = bytes.subarray(NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(purpose))
    .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
}

/** Undefined where there is no file. Throws `invalid-config` on one that holds no key. */
function readKey(file: string): Buffer | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new StorageError("invalid-config", `the key file ${file} cannot be read (${message})`, { cause: error });
  }
  if (isKey(text)) return Buffer.from(text, "hex");
  throw new StorageError(
    "invalid-config",
    `${file} holds no key: put the right one back, or remove it and log in again`,
  );
}

/** True for what a key looks like as text. */
function isKey(text: string): boolean {
  return new RegExp(`^[0-9a-f]{${KEY_BYTES * 2}}$`, "i").test(text);
}

/** The key is on the disk before anything sealed with it can be. */
function makeKey(file: string): Buffer {
  const key = randomBytes(KEY_BYTES);
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  const descriptor = openSync(draft, "wx", 0o600);
  try {
    writeSync(descriptor, `${key.toString("hex")}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
  syncFolder(join(file, ".."));
  return key;
}

/** Makes the new name durable; Windows opens no folders and needs none of this. */
function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
