/** A layer: a mount in, the same mount with one policy around every call out. */
import { type CallOptions, type Entry, type Mount, OPERATIONS, type Operation } from "#drivers/contract/mount.ts";
import { aroundTrash, type TrashHooks } from "./trash.ts";

export type Layer = (inner: Mount) => Mount;

/** The operations that answer once. */
export type CallOperation = Exclude<Operation, "list">;

/** One call on its way to the driver: its operation and arguments, the options last. */
export type Call = {
  [O in CallOperation]: { readonly operation: O; readonly args: Readonly<Parameters<NonNullable<Mount[O]>>> };
}[CallOperation];

export type Page = readonly Entry[];

/** What a layer does around calls. Absent: nothing. */
export interface Hooks {
  /** `next` makes the call, with the same or with other arguments; it may be called never or more than once. */
  call?(call: Call, next: (args?: readonly unknown[]) => Promise<unknown>): Promise<unknown>;
  /** `next` begins the listing, with the same or with other options. */
  list?(directory: Entry, o: CallOptions, next: (o?: CallOptions) => AsyncIterable<Page>): AsyncIterable<Page>;
  /** Around the recycle bin's calls. */
  readonly trash?: TrashHooks;
}

const CALLS = OPERATIONS.filter((operation): operation is CallOperation => operation !== "list");

/** `inner` with `hooks` around the methods that it has. Adds none, so that derived capabilities stay true; what is no call (`realm`, `watch`, `offline`, `close`) passes as it is. */
export function around(inner: Mount, hooks: Hooks): Mount {
  const outer: Record<string, unknown> = {};
  for (const operation of CALLS) {
    if (inner[operation]) outer[operation] = wrap(inner, operation, hooks);
  }
  const next = (directory: Entry, o: CallOptions) => inner.list(directory, o);
  outer.list = hooks.list
    ? (directory: Entry, o: CallOptions) => hooks.list?.(directory, o, (other = o) => next(directory, other))
    : next;
  if (inner.realm !== undefined) outer.realm = inner.realm;
  if (inner.trash) outer.trash = hooks.trash ? aroundTrash(inner.trash, hooks.trash) : inner.trash;
  if (inner.offline) outer.offline = inner.offline;
  if (inner.watch) outer.watch = inner.watch.bind(inner);
  if (inner.close) outer.close = inner.close.bind(inner);
  return outer as unknown as Mount;
}

/** The options of a call: always its last argument. */
export function optionsOf(call: Call): CallOptions {
  return call.args[call.args.length - 1] as CallOptions;
}

/** A call's arguments with other options. */
export function withOptions(call: Call, o: CallOptions): readonly unknown[] {
  return [...call.args.slice(0, -1), o];
}

function wrap(inner: Mount, operation: CallOperation, hooks: Hooks) {
  const method = inner[operation] as unknown as (...args: readonly unknown[]) => Promise<unknown>;
  // Async, so that a driver that throws at once fails like one that rejects.
  const invoke = async (args: readonly unknown[]) => method.apply(inner, args as unknown[]);
  if (!hooks.call) return (...args: readonly unknown[]) => invoke(args);
  return async (...args: readonly unknown[]) =>
    hooks.call?.({ operation, args } as unknown as Call, (other = args) => invoke(other));
}
