/** The comparison of what was sent with what the service says it stored. */
import { StorageError } from "#drivers/contract/errors.ts";
import type { Entry, HashName, UploadSource } from "#drivers/contract/mount.ts";

/** Throws `incomplete`, reason `verification-failed`, when size or hash of the stored file are not the source's. */
export async function verifyUpload(stored: Entry, source: UploadSource): Promise<void> {
  if (
    source.size !== undefined &&
    stored.size !== undefined &&
    stored.sizeIs !== "about" &&
    stored.size !== source.size
  ) {
    throw differs(`it has ${stored.size} bytes instead of ${source.size}`);
  }
  for (const [name, hash] of Object.entries(stored.hashes ?? {}) as [HashName, string | undefined][]) {
    if (hash === undefined) continue;
    const sent = source.hashes[name] ?? (await source.digest(name));
    if (sent !== hash) throw differs(`its ${name} is another one`);
    return;
  }
}

function differs(how: string): StorageError {
  return new StorageError("incomplete", `the storage did not store what was sent: ${how}`, {
    reason: "verification-failed",
  });
}
