/** Entries and hand-made mounts for tests of the layers. */
import type { CallOptions, Entry, Mount } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";

export const ROOT: Entry = { id: "root", name: "", kind: "directory" };
export const FILE: Entry = { id: "f", name: "a.txt", kind: "file", size: 3 };
export const TRAITS: Traits = { ids: "stable", names: {}, hashes: [], replace: "atomic", collision: "error" };

/** Options with a fresh signal, and the way to abort it. */
export function call(): { o: CallOptions; signal: AbortSignal; abort(reason?: unknown): void } {
  const controller = new AbortController();
  return {
    o: { signal: controller.signal },
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
  };
}

/** A mount of an empty root, with what `parts` add or replace. */
export function mountOf(parts: Partial<Mount> = {}): Mount {
  return {
    root: async () => ROOT,
    async *list() {},
    ...parts,
  };
}

/** A call that never answers and ends only with its signal, which it keeps. */
export function hanging(): { signals: AbortSignal[]; answer(o: CallOptions): Promise<never> } {
  const signals: AbortSignal[] = [];
  return {
    signals,
    answer(o) {
      signals.push(o.signal);
      return new Promise((_, reject) => {
        o.signal.addEventListener("abort", () => reject(o.signal.reason), { once: true });
      });
    },
  };
}

/** All pages of a listing. */
export async function pagesOf(listing: AsyncIterable<readonly Entry[]>): Promise<(readonly Entry[])[]> {
  const pages: (readonly Entry[])[] = [];
  for await (const page of listing) pages.push(page);
  return pages;
}
