/** The quick way of a listing that says what was known: entries are compared with the visible rows as they come, without statements or transactions. */
import type { Entry } from "#drivers/contract/mount.ts";
import { knownChildren, type MountContext, type TreeCore } from "./core.ts";
import { pack, visibleTuples } from "./packed.ts";
import { type NodeTuple, saysWhatIsKnown, tupleToNode } from "./rows.ts";
import type { TreeNode } from "./tree.ts";

/** The visible rows of a small directory as they were when its listing began. */
export class KnownListing {
  readonly #core: TreeCore;
  readonly #mount: MountContext;
  readonly #node: TreeNode;
  readonly #inOrder: readonly NodeTuple[];
  readonly #byKey: ReadonlyMap<string, NodeTuple>;

  constructor(core: TreeCore, mount: MountContext, node: TreeNode) {
    this.#core = core;
    this.#mount = mount;
    this.#node = node;
    this.#inOrder =
      knownChildren(core, node)?.map((child) => child.tuple) ??
      visibleTuples(core.rows, node.n, core.rows.directory.get(node.n)) ??
      [];
    const isStable = mount.traits.ids === "stable";
    this.#byKey = new Map(this.#inOrder.map((tuple) => [(isStable ? tuple[4] : tuple[2]) ?? "", tuple]));
  }

  /** How many entries of a page, from its start, say what is known; their nodes are added to `seen`. */
  skip(page: readonly Entry[], seen: Set<number>): number {
    const { ids } = this.#mount.traits;
    for (let i = 0; i < page.length; i++) {
      const entry = page[i]!;
      const name = this.#mount.codec.toVisible(entry.name);
      const known = this.#byKey.get(ids === "stable" ? entry.id : name);
      if (!known || !saysWhatIsKnown(known, entry, name, ids)) return i;
      seen.add(known[0]);
    }
    return page.length;
  }

  /** Hands the rows on to whoever had the directory listed and wants its children next: they have just been read. */
  handOn(): void {
    const { n, id } = this.#node;
    const row = this.#core.rows.directory.get(n);
    if (!row) return;
    pack(this.#core.rows, row, this.#inOrder);
    const nodes = this.#inOrder.map((tuple) => tupleToNode(tuple, id, this.#mount.traits.ids));
    this.#core.listed.set(n, { version: row.version, id, nodes });
  }
}
