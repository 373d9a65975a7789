/** What an upload remembers for the time after a restart (sjtu-pan.md §4.6). */
import { z } from "zod";
import type { Hashes, Json, UploadSource } from "../../contract/mount.ts";

const savedSchema = z.object({
  v: z.literal(1),
  confirmKey: z.string().min(1),
  /** The id of the file. */
  id: z.string(),
  size: z.number(),
  partSize: z.number(),
  /** What the content was known by. */
  modifiedAt: z.number().optional(),
  hashes: z.record(z.string(), z.string()),
});

export type SavedUpload = z.output<typeof savedSchema>;

/** The saved state of this very file; undefined for another, and for what is no state. */
export function savedFor(json: Json | undefined, id: string, size: number): SavedUpload | undefined {
  const saved = savedIn(json);
  return saved && saved.id === id && saved.size === size ? saved : undefined;
}

/** The state in a checkpoint, whatever file it is of. */
export function savedIn(json: Json | undefined): SavedUpload | undefined {
  const { success, data } = savedSchema.safeParse(json);
  return success ? data : undefined;
}

/**
 * True where the content is known to be another than the one that was sent before, by a hash or the time. Where neither tells, the sum of the
 * whole finds a mixture of two contents out.
 */
export function isOther(saved: SavedUpload, source: UploadSource): boolean {
  const shared = Object.entries(knownHashes(source.hashes)).filter(([name]) => saved.hashes[name] !== undefined);
  if (shared.length > 0) return shared.some(([name, hash]) => saved.hashes[name] !== hash);
  return saved.modifiedAt !== undefined && source.modifiedAt !== undefined && saved.modifiedAt !== source.modifiedAt;
}

/** The hashes that are known, as they are saved. */
export function knownHashes(hashes: Hashes): Record<string, string> {
  return Object.fromEntries(Object.entries(hashes).filter(([, value]) => value !== undefined));
}
