/** What the operating system's refusals mean. */
import { type ErrorKind, StorageError } from "../contract/errors.ts";

interface Meaning {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly retryable?: true;
}

/** errno(3) by name. A code that is not here is `upstream`. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: { kind: "not-found", message: "the file or folder does not exist" },
  ENOTDIR: { kind: "not-a-directory", message: "a file stands where a folder is needed" },
  EISDIR: { kind: "is-a-directory", message: "a folder stands where a file is needed" },
  ENOTEMPTY: { kind: "not-empty", message: "the folder is not empty" },
  EEXIST: { kind: "already-exists", message: "the name is taken" },
  // Links are followed only on purpose: what refuses to be opened was swapped for a link, or goes in circles.
  ELOOP: { kind: "not-found", message: "the file or folder does not exist" },
  // What opening a socket says.
  ENXIO: { kind: "not-found", message: "there is neither a file nor a folder of this name" },
  ENAMETOOLONG: { kind: "invalid-name", message: "the name is longer than the disk can store (usually 255 bytes)" },
  EILSEQ: { kind: "invalid-name", message: "the disk cannot store this name" },
  EINVAL: { kind: "invalid-name", message: "the disk cannot store this name" },
  EACCES: { kind: "permission-denied", message: "the server's user may not do this: check owner and mode on the disk" },
  EPERM: { kind: "permission-denied", message: "the operating system does not allow this" },
  EROFS: { kind: "permission-denied", message: "the disk is mounted read-only" },
  ENOSPC: { kind: "quota-exceeded", message: "the disk is full" },
  EDQUOT: { kind: "quota-exceeded", message: "the disk quota of the server's user is used up" },
  EFBIG: { kind: "too-large", message: "the file is larger than the disk can store" },
  EIO: { kind: "upstream", message: "the disk reported an input/output error" },
  EMFILE: { kind: "unavailable", message: "the server has too many open files", retryable: true },
  ENFILE: { kind: "unavailable", message: "the machine has too many open files", retryable: true },
  ENOMEM: { kind: "unavailable", message: "the machine is out of memory", retryable: true },
  EBUSY: { kind: "unavailable", message: "the file or folder is in use", retryable: true },
  EAGAIN: { kind: "unavailable", message: "the disk is busy", retryable: true },
  ESTALE: { kind: "unavailable", message: "the network disk has lost the folder", retryable: true },
  ENOTCONN: { kind: "unavailable", message: "the disk is not connected", retryable: true },
  EHOSTDOWN: { kind: "unavailable", message: "the network disk does not answer", retryable: true },
  ETIMEDOUT: { kind: "unavailable", message: "the network disk does not answer", retryable: true },
  ENODEV: { kind: "unavailable", message: "the disk is gone", retryable: true },
};

/** The error as a StorageError; anything that is no failure of a system call is returned as it is. */
export function toStorageError(error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof StorageError || code === undefined) return error;
  const meaning = MEANINGS[code] ?? { kind: "upstream" as const, message: `the disk failed with ${code}` };
  return new StorageError(meaning.kind, meaning.message, {
    ...(meaning.retryable && { retryable: true }),
    upstream: { code },
    cause: error,
  });
}

/** errno's name of a failed system call; undefined for everything else. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** What a path that leaves the root, or was never listed, looks like from outside. */
export function notThere(): StorageError {
  return new StorageError("not-found", "the file or folder does not exist");
}
