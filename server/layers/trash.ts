/** What a layer does around a mount's recycle bin. */
import type { CallOptions, Trash, TrashedEntry } from "#drivers/contract/mount.ts";

/** The calls to a recycle bin that answer once, as logs and metrics name them. */
export type TrashOperation = "trash.restore" | "trash.purge" | "trash.empty";

export type TrashPage = readonly TrashedEntry[];

/** As the `Hooks` of a layer, for the bin. `ids` is absent where the whole bin is meant. Absent hooks: nothing. */
export interface TrashHooks {
  call?(
    call: { readonly operation: TrashOperation; readonly ids?: readonly string[]; readonly o: CallOptions },
    next: (o?: CallOptions) => Promise<unknown>,
  ): Promise<unknown>;
  list?(o: CallOptions, next: (o?: CallOptions) => AsyncIterable<TrashPage>): AsyncIterable<TrashPage>;
}

/** The bin with `hooks` around its calls. */
export function aroundTrash(inner: Trash, hooks: TrashHooks): Trash {
  // Async, so that a driver that throws at once fails like one that rejects.
  const call = async <T>(
    operation: TrashOperation,
    ids: readonly string[] | undefined,
    o: CallOptions,
    run: (o: CallOptions) => Promise<T>,
  ) =>
    (hooks.call
      ? hooks.call({ operation, ...(ids && { ids }), o }, async (other = o) => run(other))
      : run(o)) as Promise<T>;
  return {
    list: (o) => (hooks.list ? hooks.list(o, (other = o) => inner.list(other)) : inner.list(o)),
    restore: (ids, o) => call("trash.restore", ids, o, (other) => inner.restore(ids, { ...o, ...other })),
    purge: (ids, o) => call("trash.purge", ids, o, (other) => inner.purge(ids, { ...o, ...other })),
    empty: (o) => call("trash.empty", undefined, o, (other) => inner.empty({ ...o, ...other })),
  };
}
