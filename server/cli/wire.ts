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

/** Why one of several things failed. */
export const failedRow = z.object({ kind: z.enum(ERROR_KINDS).optional(), message: z.string() });
export type FailedRow = z.output<typeof failedRow>;

const kind = z.enum(["file", "directory"]);

/** One row of `GET /api/pandav/fs/walk`. */
export const walked = z.object({
  path: z.string(),
  depth: z.int(),
  kind,
  size: z.number().optional(),
  sizeIs: z.enum(["exact", "about"]).optional(),
  modifiedAt: z.number().optional(),
  upload: z.enum(["pending", "failed"]).optional(),
  isLast: z.boolean().optional(),
  isEntered: z.boolean().optional(),
  failure: failedRow.optional(),
});
export type WalkedReply = z.output<typeof walked>;

/** One row of `GET /api/pandav/fs/find`. */
export const foundEntry = walked.pick({
  path: true,
  depth: true,
  kind: true,
  size: true,
  sizeIs: true,
  modifiedAt: true,
});

/** One row of `GET /api/pandav/fs/du`. */
export const total = z.union([
  z.object({
    path: z.string(),
    depth: z.int(),
    kind,
    bytes: z.number(),
    files: z.int(),
    directories: z.int(),
    unknownSizes: z.int(),
    unlisted: z.int(),
  }),
  z.object({ path: z.string(), failure: failedRow }),
]);

/** One row of `POST /api/pandav/fs/transfer`. */
export const transferRow = z.union([
  z.object({ bytes: z.number() }),
  z.object({ done: z.object({ created: z.boolean(), path: z.string().optional() }) }),
]);

/** `GET /api/pandav/mounts`. */
export const mounts = z.object({
  mounts: z.array(z.object({ path: z.string(), disabled: z.boolean() })),
  inUse: z.string().optional(),
});
export type MountsReply = z.output<typeof mounts>;

/** One storage of `GET /api/pandav/usage`. */
export const mountUsage = z.object({
  mountPath: z.string(),
  driver: z.string(),
  used: z.number().optional(),
  total: z.number().optional(),
  trashed: z.number().optional(),
  failure: failedRow.optional(),
});

/** One row of `GET /api/pandav/trash`. */
export const trashed = z.object({
  id: z.string(),
  name: z.string(),
  kind,
  size: z.number().optional(),
  removedAt: z.number().optional(),
  originalPath: z.string().optional(),
});
export type TrashedReply = z.output<typeof trashed>;

/** One answer of `POST /api/pandav/trash/restore` and `purge`. */
export const trashOutcome = z.object({
  asked: z.string(),
  item: trashed.optional(),
  path: z.string().optional(),
  failure: failedRow.optional(),
});

/** `GET /api/pandav/fs/stat`. */
export const resource = z.looseObject({
  path: z.string(),
  name: z.string(),
  kind,
  size: z.number().optional(),
  sizeIs: z.enum(["exact", "about"]).optional(),
  modifiedAt: z.number().optional(),
  createdAt: z.number().optional(),
  hashes: z.record(z.string(), z.string()).optional(),
  etag: z.string().optional(),
  mountPath: z.string().optional(),
  pending: z.boolean().optional(),
  failure: z.object({ message: z.string() }).optional(),
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
  pending: z.object({ files: z.int(), bytes: z.number(), failed: z.int() }),
});
export type StorageReply = z.output<typeof storage>;

/** `GET /api/admin/user/list`, asked without a `Client-Id`; a server may be set to send roles as arrays all the same. */
const user = z.object({
  id: z.int(),
  username: z.string(),
  base_path: z.string(),
  role: z.union([z.int(), z.array(z.int()).transform(([first = 0]) => first)]),
  disabled: z.boolean(),
  permission: z.int(),
  otp: z.boolean().default(false),
});
export type UserReply = z.output<typeof user>;
/** A page of users. */
export const userPage = z.object({ content: z.array(user) });

/** One token of `GET /api/pandav/tokens`. */
export const apiToken = z.object({
  id: z.int(),
  user: z.string(),
  name: z.string(),
  scope: z.string(),
  path: z.string(),
  createdAt: z.number(),
  expiresAt: z.number().optional(),
  lastUsedAt: z.number().optional(),
});

/** `POST /api/pandav/tokens`. */
export const newApiToken = apiToken.extend({ token: z.string() });
