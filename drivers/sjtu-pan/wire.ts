/** What the file plane's answers look like; unknown members are dropped (sjtu-pan.md §3, §4). */
import { z } from "zod";
import { failureSchema } from "./reply.ts";

const text = z.string().nullish().catch(undefined);
const names = z.array(z.string()).nullish().catch(undefined);
/** Decimal text, or a number (sjtu-pan.md §3.2). */
const bytes = z.union([z.string(), z.number()]).nullish().catch(undefined);

/** A file or directory, in listings, as the answer to a stat and to a confirm. */
export const itemSchema = z.object({
  name: text,
  type: text,
  path: names,
  size: bytes,
  creationTime: text,
  modificationTime: text,
  eTag: text,
  crc64: text,
});
export type Item = z.output<typeof itemSchema>;

export const pageSchema = z.object({ contents: z.array(itemSchema), totalNum: z.number().nullish() });

/** What a move or copy of one entry answers: where it is now, or the task that is at it. */
export const placedSchema = z.object({ path: names, taskId: z.number().nullish() });

/** One element of a batch's outcome. */
export const outcomeSchema = failureSchema.extend({ path: names });
export type WireOutcome = z.output<typeof outcomeSchema>;

export const batchSchema = z.object({
  result: z.array(outcomeSchema).nullish(),
  taskId: z.number().nullish(),
});
export type BatchAnswer = z.output<typeof batchSchema>;

export const taskSchema = z.array(
  failureSchema.extend({
    taskId: z.number(),
    result: z
      .union([z.array(outcomeSchema), z.object({ path: names })])
      .nullish()
      .catch(undefined),
  }),
);
export type Task = z.output<typeof taskSchema>[number];

/** Where bytes go: the store's host, the path there, and until when what is signed is good. */
const target = {
  confirmKey: z.string().min(1),
  domain: z.string().min(1),
  path: z.string().min(1),
  expiration: z.string(),
};

export const simpleStartSchema = z.object({ ...target, headers: z.record(z.string(), z.string()) });
export type SimpleStart = z.output<typeof simpleStartSchema>;

export const signedPartsSchema = z.object({
  ...target,
  uploadId: z.string().min(1),
  parts: z.record(z.string(), z.object({ headers: z.record(z.string(), z.string()) })),
});
export type SignedPartsReply = z.output<typeof signedPartsSchema>;

export const uploadStatusSchema = z.object({
  confirmed: z.boolean().nullish(),
  path: names,
  uploadId: text,
  parts: z
    .array(z.object({ PartNumber: z.coerce.number(), Size: z.coerce.number() }))
    .nullish()
    .catch(undefined),
});
export type UploadStatus = z.output<typeof uploadStatusSchema>;

const trashedSchema = z.object({
  recycledItemId: z.union([z.number(), z.string()]),
  name: z.string(),
  type: text,
  size: bytes,
  removalTime: text,
  originalPath: names,
});
export type TrashedItem = z.output<typeof trashedSchema>;

export const trashPageSchema = z.object({ totalNum: z.number().nullish(), contents: z.array(trashedSchema) });

/** A whole, safe number of bytes; undefined for anything else. */
export function bytesOf(value: string | number | null | undefined): number | undefined {
  if (value === null || value === undefined || value === "") return undefined;
  const count = Number(value);
  return Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

/** Milliseconds since the epoch; undefined for what is no time. */
export function timeOf(value: string | null | undefined): number | undefined {
  const time = Date.parse(value ?? "");
  return Number.isFinite(time) ? time : undefined;
}
