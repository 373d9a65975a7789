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
  /** That many parts from the first on are stored, and this is their sum. */
  parts: z.number(),
  crc64: z.string(),
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
 * Whether the content is the one that was sent before, by a hash or the time. Where neither tells, the sum of what is stored has to be
 * computed anew, so that a mixture of two contents is found out.
 */
export function compareContent(saved: SavedUpload, source: UploadSource): "same" | "other" | "unknown" {
  const shared = Object.entries(knownHashes(source.hashes)).filter(([name]) => saved.hashes[name] !== undefined);
  if (shared.length > 0) return shared.every(([name, hash]) => saved.hashes[name] === hash) ? "same" : "other";
  if (saved.modifiedAt === undefined || source.modifiedAt === undefined) return "unknown";
  return saved.modifiedAt === source.modifiedAt ? "same" : "other";
}

/** The hashes that are known, as they are saved. */
export function knownHashes(hashes: Hashes): Record<string, string> {
  return Object.fromEntries(Object.entries(hashes).filter(([, value]) => value !== undefined));
}
