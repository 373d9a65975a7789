/** Credentials at rest: AES-256-GCM, each bound to its account, under a key that lies beside the database or comes with the environment. */
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

/** Whose credential it is: what was sealed for one account does not open for another. */
export interface SealedFor {
  readonly kind: string;
  readonly id: number;
}

export interface Vault {
  /** The text, sealed; makes the key file where there is no key yet. */
  seal(text: string, owner: SealedFor): string;
  /** The text again. Throws `unauthenticated` where the key is missing or not the one that sealed it. */
  open(sealed: string, owner: SealedFor): string;
}

/** A vault over `<dataDir>/secret.key`, or over `key` (64 hexadecimal digits, `PANDAV_SECRET_KEY`). The file is read when it is needed: each credential is opened once. */
export function openVault(dataDir: string, key?: string): Vault {
  const file = join(dataDir, "secret.key");
  let known: Buffer | undefined = key === undefined ? undefined : Buffer.from(key, "hex");
  return {
    seal(text, owner) {
      known ??= readKey(file) ?? makeKey(file);
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, known, nonce, { authTagLength: TAG_BYTES }).setAAD(dataOf(owner));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return VERSION + Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64");
    },
    open(sealed, owner) {
      if (key === undefined) known = readKey(file);
      const from = key === undefined ? file : "PANDAV_SECRET_KEY";
      if (!known) throw locked(owner, `the key file ${file} is missing: put it back`);
      try {
        return unseal(sealed, known, owner);
      } catch (error) {
        throw locked(owner, `${from} is not the key that it was sealed with: put the right one back`, error);
      }
    },
  };
}

function unseal(sealed: string, key: Uint8Array, owner: SealedFor): string {
  if (!sealed.startsWith(VERSION)) throw new Error("sealed in a way that is not known here");
  const bytes = Buffer.from(sealed.slice(VERSION.length), "base64");
  const body = bytes.subarray(NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(dataOf(owner))
    .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
}

function dataOf({ kind, id }: SealedFor): Buffer {
  return Buffer.from(`pandav account ${id} ${kind}`);
}

function locked({ kind, id }: SealedFor, why: string, cause?: unknown): StorageError {
  return new StorageError(
    "unauthenticated",
    `the login of account ${id} (${kind}) cannot be read: ${why}, or log in again with "pandav auth --kind ${kind}"`,
    cause === undefined ? {} : { cause },
  );
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
