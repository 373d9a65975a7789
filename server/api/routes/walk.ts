/** Long looks into the filesystem: everything below a directory, what of it has a name or size, and how much it is. */
import { z } from "@hono/zod-openapi";
import { nameOf } from "#drivers/contract/path.ts";
import type { User } from "../../auth/users.ts";
import { nameGlob } from "../../vfs/name-glob.ts";
import type { Resource } from "../../vfs/resource.ts";
import { totals } from "../../vfs/totals.ts";
import { type Walked, walk } from "../../vfs/walking.ts";
import type { ApiDeps } from "../deps.ts";
import { failureRow, failureSchema } from "../failures.ts";
import type { StreamRoute } from "../stream.ts";
import { shownPath, userPath } from "../user-path.ts";

/** Rows of totals in one write. */
const TOTALS_AT_ONCE = 200;

const depth = z.coerce.number().int().min(0).optional();
const size = z.coerce.number().int().min(0).optional();

const walkInput = z.object({
  path: z.string().min(1),
  order: z.enum(["down", "listings"]).default("down"),
  maxDepth: depth,
  minDepth: depth,
  /** A pattern that names fit. */
  name: z.string().optional(),
  /** `false`: without names that begin with a dot, and what is in them. */
  hidden: z.enum(["true", "false"]).default("true"),
  ignoreCase: z.enum(["true", "false"]).default("false"),
  kind: z.enum(["file", "directory"]).optional(),
  /** Bytes, both included; only files of known size fit. */
  minSize: size,
  maxSize: size,
});

const entryRow = z
  .object({
    path: z.string(),
    depth: z.int(),
    kind: z.enum(["file", "directory"]),
    size: z.number().optional(),
    sizeIs: z.enum(["exact", "about"]).optional(),
    modifiedAt: z.number().optional(),
    /** Set while the content is kept here alone and waits for its upload, or has failed to be uploaded. */
    upload: z.enum(["pending", "failed"]).optional(),
    /** True for the last entry of its directory, in the order `down`. */
    isLast: z.boolean().optional(),
    /** True where the entries of this directory, which has come before, follow: in the order `listings`. */
    isEntered: z.boolean().optional(),
    /** Why this directory's entries are missing; it has come before without. */
    failure: failureSchema.optional(),
  })
  .openapi("WalkedEntry");

const place = z.object({ path: z.string(), kind: z.enum(["file", "directory"]) });

const totalRow = z
  .object({
    ...place.shape,
    depth: z.int(),
    bytes: z.number(),
    files: z.int(),
    directories: z.int(),
    unknownSizes: z.int(),
    unlisted: z.int(),
  })
  .openapi("Total");

/** `GET /api/pandav/fs/walk`. */
export function walkRoute({ log }: ApiDeps): StreamRoute<z.output<typeof walkInput>> {
  return {
    method: "GET",
    path: "/api/pandav/fs/walk",
    summary: "A file, or a directory with all below it, less what does not fit the conditions",
    input: walkInput,
    row: entryRow,
    async *rows({ input, user, vfs, signal }) {
      const path = userPath(user, input.path);
      const fits = conditionsOf(input);
      const { order } = input;
      const o = {
        signal,
        order,
        hidden: input.hidden === "true",
        ...(input.maxDepth !== undefined && { maxDepth: input.maxDepth }),
      };
      for await (const rows of walk(vfs, path, o)) {
        const shown = rows.filter((row) => row.error !== undefined || fits(row));
        // An empty batch is a sign of life, and no line.
        yield shown.map((row) => toRow(row, user, log));
      }
    },
  };
}

/** `GET /api/pandav/fs/du`. */
export function totalsRoute({ log }: ApiDeps): StreamRoute<{ path: string; maxDepth?: number | undefined }> {
  return {
    method: "GET",
    path: "/api/pandav/fs/du",
    summary: "How much lies in a directory and in those below it, from below to above",
    input: z.object({ path: z.string().min(1), maxDepth: depth }),
    row: z.union([totalRow, place.extend({ failure: failureSchema })]),
    async *rows({ input, user, vfs, signal }) {
      const path = userPath(user, input.path);
      let batch: object[] = [];
      const o = { signal, ...(input.maxDepth !== undefined && { maxDepth: input.maxDepth }) };
      for await (const total of totals(vfs, path, o)) {
        const { resource, ...rest } = total;
        const at = { path: shownPath(user, resource.path), kind: resource.kind };
        if ("error" in rest) batch.push({ ...at, failure: failureRow(rest.error, log) });
        else batch.push({ ...at, ...rest });
        if (batch.length < TOTALS_AT_ONCE) continue;
        yield batch;
        batch = [];
      }
      if (batch.length > 0) yield batch;
    },
  };
}

function conditionsOf(input: z.output<typeof walkInput>): (row: Walked) => boolean {
  const { minDepth = 0, name, kind, minSize, maxSize } = input;
  const isNamed = name === undefined ? () => true : nameGlob(name, { ignoreCase: input.ignoreCase === "true" });
  const bySize = minSize !== undefined || maxSize !== undefined;
  const hasSize = ({ size: bytes }: Resource) =>
    bytes !== undefined && bytes >= (minSize ?? 0) && bytes <= (maxSize ?? Number.POSITIVE_INFINITY);
  return ({ resource, depth: at }) =>
    at >= minDepth &&
    (kind === undefined || resource.kind === kind) &&
    (!bySize || hasSize(resource)) &&
    isNamed(nameOf(resource.path));
}

function toRow(
  { resource, depth: at, isLast, isEntered, error }: Walked,
  user: User,
  log: ApiDeps["log"],
): z.input<typeof entryRow> {
  const { path, kind, size: bytes, sizeIs, modifiedAt, pending } = resource;
  return {
    path: shownPath(user, path),
    depth: at,
    kind,
    ...(bytes !== undefined && kind === "file" && { size: bytes }),
    ...(sizeIs === "about" && { sizeIs }),
    ...(modifiedAt !== undefined && { modifiedAt }),
    ...(pending && { upload: resource.failure ? ("failed" as const) : ("pending" as const) }),
    ...(isLast && { isLast }),
    ...(isEntered && { isEntered }),
    ...(error !== undefined && { failure: failureRow(error, log) }),
  };
}
