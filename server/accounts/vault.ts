/** Credentials at rest, each sealed for its account (`store/sealing.ts`). */
import { StorageError } from "#drivers/contract/errors.ts";
import { openSealing } from "../store/sealing.ts";

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

/** A vault over the key of a data folder, or over `key` (64 hexadecimal digits, `PANDAV_SECRET_KEY`). */
export function openVault(dataDir: string, key?: string): Vault {
  const sealing = openSealing(dataDir, key);
  return {
    seal: (text, owner) => sealing.seal(text, purposeOf(owner)),
    open: (sealed, owner) => sealing.open(sealed, purposeOf(owner), (why, cause) => locked(owner, why, cause)),
  };
}

function purposeOf({ kind, id }: SealedFor): string {
  return `pandav account ${id} ${kind}`;
}

function locked({ kind, id }: SealedFor, why: string, cause?: unknown): StorageError {
  return new StorageError(
    "unauthenticated",
    `the login of account ${id} (${kind}) cannot be read: ${why}, or log in again with "pandav auth --kind ${kind}"`,
    cause === undefined ? {} : { cause },
  );
}
