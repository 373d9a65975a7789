/** The answers that commands read, of AList's wire and of our own routes; fields that no command shows are not named. */
import { z } from "zod";
import { ERROR_KINDS } from "#drivers/contract/errors.ts";

/** Every answer of the API (alist-api.md §2); where it refuses, `kind` says why, if a storage or the filesystem refused. */
export const envelope = z.object({
  code: z.int(),
  message: z.string(),
  data: z.unknown(),
  kind: z.enum(ERROR_KINDS).optional(),
});
export type Envelope = z.output<typeof envelope>;

/** One entry of a listing (alist-api.md §5.1). */
export const listed = z.object({
  name: z.string(),
  is_dir: z.boolean(),
  size: z.number(),
  modified: z.string(),
});
export type Listed = z.output<typeof listed>;

/** A page of `/api/fs/list` (alist-api.md §6.1). */
export const listPage = z.object({ content: z.array(listed).nullable(), total: z.int() });

/** `GET /api/pandav/fs/stat`. */
export const resource = z.looseObject({
  path: z.string(),
  name: z.string(),
  kind: z.enum(["file", "directory"]),
  size: z.number().optional(),
  sizeIs: z.enum(["exact", "about"]).optional(),
  modifiedAt: z.number().optional(),
  createdAt: z.number().optional(),
  hashes: z.record(z.string(), z.string()).optional(),
  mountPath: z.string().optional(),
});
export type StatReply = z.output<typeof resource>;

/** One storage of `GET /api/pandav/storages`. */
export const storage = z.looseObject({
  id: z.int(),
  mountPath: z.string(),
  driver: z.string(),
  remark: z.string(),
  state: z.string(),
  error: z.string().optional(),
});
export type StorageReply = z.output<typeof storage>;
