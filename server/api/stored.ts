/** What our routes tell of a file that was stored. */
import { z } from "@hono/zod-openapi";
import type { User } from "../auth/users.ts";
import type { WriteResult } from "../vfs/resource.ts";
import { shownPath } from "./user-path.ts";

/** What to do where the name is taken. */
export const conflictSchema = z.enum(["fail", "replace", "rename"]).default("fail");

/** A stored and verified file. */
export const storedSchema = z
  .object({
    /** The name may be another than the one asked for where `conflict` is `rename`. */
    path: z.string(),
    name: z.string(),
    size: z.number(),
    modifiedAt: z.number().optional(),
    hashes: z.record(z.string(), z.string()),
    etag: z.string().optional(),
    created: z.boolean(),
    modifiedAtStored: z.boolean(),
  })
  .openapi("PandavStored");

/** The result as its reader may see it. */
export function toStored(
  user: User,
  { resource, created, modifiedAtStored }: WriteResult,
): z.input<typeof storedSchema> {
  const { path, name, size = 0, modifiedAt, hashes = {}, etag } = resource;
  return { path: shownPath(user, path), name, size, modifiedAt, hashes, etag, created, modifiedAtStored };
}
