/** Digests of content, under the names and in the notation of `Hashes`. */
import { createHash } from "node:crypto";
import type { HashName } from "#drivers/contract/mount.ts";
import { Crc64 } from "#drivers/kit/crc64.ts";

/** A digest that is being computed. */
export interface RunningDigest {
  update(chunk: Uint8Array): void;
  /** Ends it. */
  digest(): string;
}

const COMPUTED: readonly HashName[] = ["sha1", "md5", "sha256", "crc64"];

/** Those of the digests that are computed here, each once. */
export function computable(names: readonly HashName[]): readonly HashName[] {
  return COMPUTED.filter((name) => names.includes(name));
}

/** A digest of nothing yet. */
export function startDigest(name: HashName): RunningDigest {
  if (name === "crc64") {
    const sum = new Crc64();
    return { update: (chunk) => void sum.update(chunk), digest: () => sum.digest() };
  }
  const hash = createHash(name);
  return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest("hex") };
}
