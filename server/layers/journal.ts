/** What the layer `complete` writes down before it touches an old file, so that a crash in between can be finished or undone. */
import { z } from "zod";
import type { Entry, Json } from "#drivers/contract/mount.ts";

/** Rows of one mount, each durable before its promise resolves. */
export interface Journal {
  /** The new row's id. */
  add(state: Json): Promise<number>;
  update(id: number, state: Json): Promise<void>;
  remove(id: number): Promise<void>;
  list(): Promise<readonly { readonly id: number; readonly state: Json }[]>;
}

/**
 * How far a replacement is. `uploading`: `temporary` holds new content that is not complete or not verified, the old file stands.
 * `swapping`: `temporary` is verified and takes the old file's place. `moving`, `copying`: the old entry steps aside to `temporary`, the new one comes to `name`;
 * what has the name after a copy that was cut off may be half of it. `placed`: the new entry is whole, the old one in `temporary` may go.
 */
const STAGES = ["uploading", "swapping", "moving", "copying", "placed"] as const;

/** One replacement on its way. */
export interface Replacement {
  readonly stage: (typeof STAGES)[number];
  readonly parent: Entry;
  readonly name: string;
  readonly temporary: string;
  /** Ids of the entries that had the name before. */
  readonly old: readonly string[];
}

const entrySchema = z.looseObject({ id: z.string(), name: z.string(), kind: z.enum(["file", "directory"]) });
const replacementSchema = z.object({
  stage: z.enum(STAGES),
  parent: entrySchema,
  name: z.string(),
  temporary: z.string(),
  old: z.array(z.string()),
});

/** A replacement as a journal row. */
export function toRow(replacement: Replacement): Json {
  return JSON.parse(JSON.stringify(replacement)) as Json;
}

/** The replacement of a journal row. Throws where another version wrote what this one does not know. */
export function fromRow(state: Json): Replacement {
  return replacementSchema.parse(state) as unknown as Replacement;
}

/** A journal in memory: for drivers that need none, and for tests. */
export function memoryJournal(): Journal {
  const rows = new Map<number, Json>();
  let last = 0;
  return {
    async add(state) {
      last += 1;
      rows.set(last, state);
      return last;
    },
    async update(id, state) {
      rows.set(id, state);
    },
    async remove(id) {
      rows.delete(id);
    },
    async list() {
      return [...rows].map(([id, state]) => ({ id, state }));
    },
  };
}
