/** What a mount in memory is told. */
import { z } from "zod";

export const memorySettings = z.object({
  quota_bytes: z.int().positive().exactOptional().meta({
    title: "Quota",
    description: "Most bytes that all files together may have. Without it only the machine's memory is the limit.",
  }),
  trash: z.boolean().exactOptional().meta({
    title: "Recycle bin",
    description: "Keeps what is removed until the bin is emptied. Without it what is removed is gone.",
  }),
  page_size: z.int().min(1).max(100_000).default(1000).meta({
    title: "Page size",
    description: "Entries of one page of a listing.",
  }),
});

export type MemorySettings = z.output<typeof memorySettings>;
