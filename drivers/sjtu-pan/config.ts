/** What a mount of SJTU Pan is told. */
import { z } from "zod";

export const sjtuPanSettings = z.object({
  root: z.string().default("/").meta({
    title: "Folder",
    description: "Path of the folder of the drive that is mounted. `/` is the whole drive.",
    pick: "folder",
  }),
});

export type SjtuPanSettings = z.output<typeof sjtuPanSettings>;
