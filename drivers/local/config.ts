/** What a local mount is told. */
import { isAbsolute } from "node:path";
import { z } from "zod";

export const localSettings = z.object({
  root: z.string().refine(isAbsolute, "root must be an absolute path, such as /srv/files").meta({
    title: "Folder",
    description: "Absolute path of an existing folder on the server. Nothing outside it can be reached.",
  }),
  verify_writes: z.boolean().default(false).meta({
    title: "Verify writes",
    description: "Read every upload back from the disk and compare its SHA-1. Costs one more read of each upload.",
  }),
});

export type LocalSettings = z.output<typeof localSettings>;
