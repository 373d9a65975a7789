/** The tree of one mount: lookups, listings and local changes over the shared core. */
import type { Entry } from "#drivers/contract/mount.ts";
import { keyAt, noteAt, type Place, placeOf, removeRow, visibleRow, writeAt } from "./changes.ts";
import {
  generationOf,
  knownChildren,
  type MountContext,
  type PageReader,
  requireDirectory,
  type TreeCore,
} from "./core.ts";
import { type Also, isAheadOf, type LocalChange } from "./overlay.ts";
import { visibleTuples } from "./packed.ts";
import { Pace } from "./pieces.ts";
import { createFindChild } from "./read-ahead.ts";
import {
  type EntryRow,
  factsOf,
  type NodeRow,
  type NodeTuple,
  type RowNode,
  sameFacts,
  saysWhatIsKnown,
  toNode,
  tupleToNode,
} from "./rows.ts";
import { beginStaging, stateOf } from "./staging.ts";
import type { ChangeOptions, DirectoryState, MountTree, Staging, TreeNode } from "./tree.ts";

/** Entries in a page of `pages()`. */
const PAGE = 1000;

export function createMountTree(core: TreeCore, mount: MountContext): MountTree {
  const { rows, file } = core;
  const findChild = createFindChild(rows);
  const nodeOf = (row: NodeRow, parent: TreeNode) => toNode(row, parent.id, mount.traits.ids);

  /** Every path begins at the root: its row is read once, and again after a change. */
  let kept: TreeNode | undefined;
  function root(): TreeNode | undefined {
    if (!kept) {
      const row = rows.root.get(mount.mountId);
      kept = row && toNode(row, "", mount.traits.ids);
    }
    return kept;
  }

  function directory(node: TreeNode): DirectoryState | undefined {
    const row = rows.directory.get(node.n);
    return row?.listed_at == null ? undefined : stateOf(row);
  }

  /** Runs a local change on the rows; a listing on its way must not trust its bookkeeping when it fails. */
  function apply<T>(directories: readonly number[], work: () => T): T {
    try {
      return file.transaction(work);
    } catch (error) {
      for (const n of directories) core.active.get(n)?.spoil(error);
      throw error;
    }
  }

  function changeOf(op: LocalChange["op"], parentN: number, name: string, n: number, entry?: Entry): LocalChange {
    return { mountId: mount.mountId, parentN, name, n, op, entry, state: "committed", at: core.clock.now() };
  }

  /** A local change that puts an entry; `content` is a placeholder's. */
  function put(
    parent: TreeNode,
    entry: Entry,
    state: LocalChange["state"],
    content?: Buffer,
    also?: Also,
  ): Promise<TreeNode> {
    return core.serial(async () => {
      await writable(parent);
      const isPending = state !== "committed";
      const plan = placeOf(core, mount, parent.n, entry);
      const n = keyAt(core, mount, parent.n, plan, entry, isPending);
      const change = { ...changeOf("put", parent.n, plan.name, n, entry), state };
      const gone = plan.former && changeOf("remove", parent.n, plan.former.name, plan.former.n, entry);
      await core.overlay.write(gone ? [gone, change] : [change], { content, also });
      const known = knownChildren(core, parent);
      const node = apply([parent.n], () => {
        const place = placeOf(core, mount, parent.n, entry);
        return nodeOf(
          writeAt(core, mount, parent.n, place, n, factsOf(entry, place.name, mount.traits.ids, isPending)),
          parent,
        );
      });
      if (known && !gone) keepKnown(parent, known, node);
      return node;
    });
  }

  /** The change behind a node that is a placeholder. */
  function placeholderOf(node: TreeNode): LocalChange | undefined {
    const change = node.pending ? core.overlay.in(node.parentN)?.get(node.name) : undefined;
    return change?.state === "placeholder" && change.n === node.n ? change : undefined;
  }

  async function writable(parent: TreeNode): Promise<void> {
    while (!core.keys.has(1)) await core.keys.fetch(1);
    requireDirectory(core, parent);
  }

  return {
    root,
    setRoot: (entry) =>
      core.serial(async () => {
        while (!core.keys.has(1)) await core.keys.fetch(1);
        const facts = factsOf({ ...entry, name: "" }, "", mount.traits.ids);
        const known = rows.root.get(mount.mountId);
        if (known && sameFacts(known, facts)) return toNode(known, "", mount.traits.ids);
        kept = undefined;
        return file.transaction(() => {
          // Another id is another directory: what is known lies below the old one.
          const isSame = known?.id === facts.id;
          const row = {
            ...facts,
            n: known && isSame ? known.n : core.keys.take(),
            parent_n: 0,
            mount_id: mount.mountId,
            since: 0,
            until: null,
          };
          if (known) rows.replace(known.r, row);
          else rows.insert(row);
          if (known && !isSame) rows.addOrphan.run(known.n);
          return toNode(row, "", mount.traits.ids);
        });
      }),

    lookup(parent, name) {
      const found = findChild(parent.n, name);
      return found && tupleToNode(found, parent.id, mount.traits.ids);
    },
    directory,
    children(node) {
      const row = rows.directory.get(node.n);
      const known = knownChildren(core, node);
      if (known) return known;
      const found = visibleTuples(rows, node.n, row);
      if (!found) return undefined;
      const nodes = found.map((child) => tupleToNode(child, node.id, mount.traits.ids));
      // A directory becomes hot when it is asked for again: what a scan passes once is not worth keeping.
      if (row && core.asked.get(node.n) === row.version) {
        core.hot.set(node.n, { version: row.version, id: node.id, nodes });
      } else if (row) core.asked.set(node.n, row.version);
      return nodes;
    },
    pages: (node) => readPages(core, node, (child) => tupleToNode(child, node.id, mount.traits.ids)),
    stage: (node, startedAt): Promise<Staging> => beginStaging(core, mount, node, startedAt),

    put: (parent, entry, state = "committed", also) => put(parent, entry, state, undefined, also),
    putPlaceholder: (parent, entry, content) => put(parent, entry, "placeholder", content),
    isPlaceholder: (node) => placeholderOf(node) !== undefined,
    contentOf: async (node) => {
      // A write that is on its way has the row first.
      const [change, content] = await core.serial(async () => {
        const change = placeholderOf(node);
        return [change, change && (await core.overlay.contentOf(change))] as const;
      });
      return change?.entry?.version === node.version ? content : undefined;
    },
    placeholders: () => core.overlay.placeholders(mount.mountId),
    placeholderTotals: () => core.overlay.totals(mount.mountId),
    pending: (version) => {
      const change = core.overlay.pending(version);
      return change?.mountId === mount.mountId ? change : undefined;
    },
    dropPending: (version) =>
      core.serial(async () => {
        const change = core.overlay.pending(version);
        if (change) await core.overlay.drop([change]);
      }),
    async reseat(parent, entry, also) {
      const before = core.overlay.pending(entry.version ?? "");
      const node = await put(parent, entry, "pending", undefined, also);
      const isElsewhere = before && (before.parentN !== node.parentN || before.name !== node.name);
      if (isElsewhere) await core.serial(() => core.overlay.drop([before]));
      return node;
    },

    remove: (parent, name, also) =>
      core.serial(async () => {
        const known = visibleRow(core, parent.n, name);
        const change = changeOf("remove", parent.n, name, known?.n ?? 0, known && entryBehind(known, parent));
        await core.overlay.write([change], { also });
        forget(parent, name);
      }),

    move: (parent, name, toParent, entry, { state = "committed", also }: ChangeOptions = {}) =>
      core.serial(async () => {
        await writable(toParent);
        const source = visibleRow(core, parent.n, name);
        const isSameKind = source?.is_directory === Number(entry.kind === "directory");
        const moved = source && isSameKind ? withHashes(entry, source, parent) : entry;
        const place = targetOf(toParent.n, moved, source);
        const n = source && isSameKind ? source.n : keyAt(core, mount, toParent.n, place, moved, false);
        const isPending = state === "pending";
        const put = { ...changeOf("put", toParent.n, place.name, n, moved), state };
        const isRename = parent.n !== toParent.n || name !== place.name;
        const remove = changeOf("remove", parent.n, name, n, source && entryBehind(source, parent));
        await core.overlay.write(isRename ? [remove, put] : [put], { also });
        return apply([parent.n, toParent.n], () => {
          const from = visibleRow(core, parent.n, name);
          const to = targetOf(toParent.n, moved, from);
          if (from && from.r !== to.row?.r) removeRow(core, from, n);
          const row = writeAt(core, mount, toParent.n, to, n, factsOf(moved, to.name, mount.traits.ids, isPending));
          const node = nodeOf(row, toParent);
          if (parent.n === toParent.n && name !== node.name) tellReaders(core, parent.n, name, node);
          return node;
        });
      }),

    note: async (parent, entry) => {
      const name = mount.codec.toVisible(entry.name);
      const known = rows.child(parent.n, generationOf(core, parent.n), name);
      if (known && saysWhatIsKnown(known, entry, name, mount.traits.ids)) {
        return tupleToNode(known, parent.id, mount.traits.ids);
      }
      return core.serial(async () => {
        await writable(parent);
        const placeholder = core.overlay.in(parent.n)?.get(name);
        const noted = apply([parent.n], () => nodeOf(noteAt(core, mount, parent.n, entry), parent));
        if (placeholder?.state === "placeholder") await core.overlay.drop([placeholder]);
        return noted;
      });
    },
    touch: (node) => void rows.touch.run(node.n, 0),
    secure(node) {
      // The overlay is durable, and keeps its rows until the file is.
      if (core.overlay.in(node.parentN)?.get(node.name)?.n !== node.n) file.checkpoint();
    },
    namesBelow(directory, n) {
      const names: string[] = [];
      for (let at = n; at !== directory.n; ) {
        const row = rows.byNode.all(at).find((one) => one.until === null && one.parent_n !== 0);
        if (!row) return undefined;
        names.unshift(row.name);
        at = row.parent_n;
      }
      return names.length > 0 ? names : undefined;
    },
    forget: (parent, name) =>
      core.serial(async () => {
        // Else a start would put back what was made here, and with it all that hung on its key.
        const change = core.overlay.in(parent.n)?.get(name);
        const isOver = change && !isAheadOf(change, core.clock.now(), mount.traits.settlesWithinMs ?? 0);
        if (isOver && change.op === "put") await core.overlay.drop([change]);
        forget(parent, name);
      }),
    toVisible: mount.codec.toVisible,
    toUpstream: mount.codec.toUpstream,
  };

  function forget(parent: TreeNode, name: string): void {
    apply([parent.n], () => {
      const row = visibleRow(core, parent.n, name);
      if (row) removeRow(core, row);
      else core.active.get(parent.n)?.overrule(name, 0);
    });
  }

  /** An overwritten file changes one of the children in memory; they need not be read again for it. */
  function keepKnown(parent: TreeNode, known: readonly RowNode[], node: RowNode): void {
    const row = rows.directory.get(parent.n);
    const at = known.findIndex((child) => child.n === node.n && child.name === node.name);
    if (row && at >= 0) core.hot.set(parent.n, { version: row.version, id: parent.id, nodes: known.with(at, node) });
  }

  /** The place that a move leads to; the moved row itself is not in its own way. */
  function targetOf(parentN: number, entry: Entry, source: EntryRow | undefined): Place {
    const place = placeOf(core, mount, parentN, entry);
    return place.former && place.former.r === source?.r ? { ...place, former: undefined } : place;
  }

  function entryBehind(row: EntryRow, parent: TreeNode): Entry {
    const node = nodeOf(row, parent);
    return { id: node.id, name: node.rawName, kind: node.kind };
  }

  /** A move leaves the content as it is, so what is known of it stays known. */
  function withHashes(entry: Entry, source: EntryRow, parent: TreeNode): Entry {
    if (entry.hashes || entry.kind === "directory" || entry.size !== (source.size ?? undefined)) return entry;
    const { hashes } = nodeOf(source, parent);
    return hashes ? { ...entry, hashes } : entry;
  }
}

async function* readPages(
  core: TreeCore,
  node: TreeNode,
  toNodeOf: (child: NodeTuple) => TreeNode,
): AsyncGenerator<readonly TreeNode[], void, undefined> {
  const generation = generationOf(core, node.n);
  const reader: PageReader = { after: "", skip: new Set(), late: new Map() };
  const readers = core.readers.get(node.n) ?? new Set();
  core.readers.set(node.n, readers.add(reader));
  const pace = new Pace();
  try {
    for (;;) {
      const found = core.rows.childrenAfter(node.n, generation, PAGE, reader.after).map(toNodeOf);
      const last = found.at(-1);
      if (last) reader.after = last.name;
      const nodes = found.filter((child) => !reader.skip.has(child.n));
      if (nodes.length > 0) yield nodes;
      if (found.length < PAGE) break;
      await pace.yield();
    }
    if (reader.late.size > 0) yield [...reader.late.values()];
  } finally {
    readers.delete(reader);
    if (readers.size === 0) core.readers.delete(node.n);
  }
}

/** A rename while somebody reads pages: the entry comes exactly once, under one of its names. */
function tellReaders(core: TreeCore, parentN: number, from: string, node: TreeNode): void {
  for (const reader of core.readers.get(parentN) ?? []) {
    const wasGiven = reader.skip.has(node.n) || (isUpTo(from, reader.after) && !reader.late.has(node.n));
    if (wasGiven && !isUpTo(node.name, reader.after)) reader.skip.add(node.n);
    else if (!wasGiven && isUpTo(node.name, reader.after)) reader.late.set(node.n, node);
    else if (!isUpTo(node.name, reader.after)) reader.late.delete(node.n);
  }
}

/** True where `name` comes no later than `after` in SQLite's order, which is that of UTF-8 bytes. */
function isUpTo(name: string, after: string): boolean {
  return Buffer.compare(Buffer.from(name), Buffer.from(after)) <= 0;
}
