/** One listing on its way in: written under the next generation, made visible by one row flip (architecture.md §5). */
import type { Entry } from "#drivers/contract/mount.ts";
import { type ActiveStaging, isVisible, knownKey, type MountContext, requireDirectory, type TreeCore } from "./core.ts";
import { namesApart } from "./duplicates.ts";
import { KnownListing } from "./known-listing.ts";
import { isAheadOf, isNewerThan, type LocalChange } from "./overlay.ts";
import { pack } from "./packed.ts";
import { inPieces, Pace, PIECE_ROWS, untilDone } from "./pieces.ts";
import { type DirectoryRow, type EntryRow, type Facts, factsOf, keepHashes, rawNameOf, sameFacts } from "./rows.ts";
import { type DirectoryState, HOT_LIMIT, type Staging, type TreeNode } from "./tree.ts";
import { undoStaging } from "./undo.ts";

/** Begins a listing. Throws `not-found` when the directory is gone, Error when one of it is on its way. */
export async function beginStaging(
  core: TreeCore,
  mount: MountContext,
  node: TreeNode,
  startedAt: number,
): Promise<Staging> {
  requireDirectory(core, node);
  if (core.active.has(node.n)) throw new Error(`directory ${node.n} is already being listed`);
  const run = new StagingRun(core, mount, node, startedAt);
  core.active.set(node.n, run);
  try {
    await run.prepare();
  } catch (error) {
    core.active.delete(node.n);
    throw error;
  }
  return run;
}

class StagingRun implements Staging, ActiveStaging {
  readonly startedAt: number;
  readonly #core: TreeCore;
  readonly #mount: MountContext;
  readonly #node: TreeNode;
  readonly #pace = new Pace();
  /** Nodes that the listing contains, or that a local change keeps in. */
  readonly #seen = new Set<number>();
  /** Placeholders under whose names the storage has something. */
  readonly #displaced = new Set<LocalChange>();
  #generation = 0;
  #isListed = false;
  /** Rows that live on into the next generation. */
  #live = 0;
  #isMarked = false;
  #isChanged = false;
  #spoilt: { error: unknown } | undefined;
  #isOver = false;
  /** Rows by id or visible name, for small directories; undefined: ask the file. Emptied by local changes. */
  #known: Map<string, EntryRow> | undefined;
  #isLarge = false;
  /** Gone as soon as anything differs. */
  #before: KnownListing | undefined;

  constructor(core: TreeCore, mount: MountContext, node: TreeNode, startedAt: number) {
    this.#core = core;
    this.#mount = mount;
    this.#node = node;
    this.startedAt = startedAt;
  }

  async prepare(): Promise<void> {
    const { rows } = this.#core;
    await undoStaging(this.#core, this.#node.n);
    const directory = rows.directory.get(this.#node.n);
    this.#generation = directory?.generation ?? 0;
    this.#isListed = directory?.listed_at != null;
    this.#live = this.#isListed ? directory!.count : rows.countVisible.get(this.#node.n, this.#generation)!.count;
    this.#isLarge = this.#live > HOT_LIMIT;
    const changes = [...(this.#core.overlay.in(this.#node.n)?.values() ?? [])];
    if (this.#isListed && !this.#isLarge && !changes.some((change) => this.#isAhead(change))) {
      this.#before = new KnownListing(this.#core, this.#mount, this.#node);
    }
  }

  async add(page: readonly Entry[]): Promise<void> {
    const { file, keys } = this.#core;
    for (let i = this.#skipKnown(page); i < page.length; ) {
      const end = Math.min(page.length, i + PIECE_ROWS);
      while (!keys.has(end - i)) await keys.fetch(page.length - i);
      file.transaction(() => {
        this.#check();
        do this.#take(page[i++]!);
        while (i < end && !this.#pace.isOver());
      });
      await this.#pace.rest();
    }
  }

  async commit(): Promise<{ readonly changed: boolean; readonly state: DirectoryState }> {
    const core = this.#core;
    const n = this.#node.n;
    if (this.#isChanged || this.#seen.size !== this.#live) await this.#settle();
    this.#check();
    const changed = this.#isChanged || !this.#isListed;
    const overruled = [...(core.overlay.in(n)?.values() ?? [])].filter(
      (change) => this.#displaced.has(change) || !this.#isAhead(change),
    );
    if (changed) {
      core.file.transaction(() => {
        this.#ensureDirectory();
        core.rows.flip.run(n, this.#generation + Number(this.#isMarked), this.startedAt, 1, this.#live);
        pack(core.rows, core.rows.directory.get(n)!);
      });
    } else core.rows.setListedAt.run(n, this.startedAt);
    if (!changed) this.#before?.handOn();
    this.#end();
    const state = stateOf(core.rows.directory.get(n)!);
    if (overruled.length > 0) await this.#dropOverruled(overruled);
    return { changed, state };
  }

  async abandon(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      if (this.#isMarked) await undoStaging(this.#core, this.#node.n);
    } finally {
      this.#core.active.delete(this.#node.n);
    }
  }

  overrule(name: string, n: number): void {
    this.#before = undefined;
    this.#known = undefined;
    for (const row of [...this.#core.rows.named.all(this.#node.n, name), ...this.#core.rows.byNode.all(n)]) {
      if (row.parent_n !== this.#node.n || row.since <= this.#generation) continue;
      this.#live -= this.#core.rows.delete.run(row.r);
      this.#seen.delete(row.n);
    }
  }

  changed({ kept, gone, added }: { kept?: number; gone?: number; added: number }): void {
    this.#before = undefined;
    this.#known = undefined;
    this.#live += added;
    if (gone !== undefined) this.#seen.delete(gone);
    if (kept !== undefined) this.#seen.add(kept);
  }

  spoil(error: unknown): void {
    this.#spoilt = { error };
  }

  #skipKnown(page: readonly Entry[]): number {
    const known = this.#before?.skip(page, this.#seen) ?? 0;
    if (known < page.length) this.#before = undefined;
    return known;
  }

  get #next(): number {
    return this.#generation + 1;
  }

  #check(): void {
    if (this.#isOver) throw new Error(`the listing of directory ${this.#node.n} has ended`);
    if (this.#spoilt) throw this.#spoilt.error;
    requireDirectory(this.#core, this.#node);
  }

  #end(): void {
    this.#isOver = true;
    this.#core.active.delete(this.#node.n);
  }

  /** Written before the first row of the listing, so that a crash leaves a trace; a listing that says what was known never comes here. */
  #mark(): void {
    this.#isChanged = true;
    if (this.#isMarked) return;
    this.#ensureDirectory();
    this.#core.rows.setStaging.run(this.#node.n, this.#next);
    this.#isMarked = true;
  }

  #ensureDirectory(): void {
    if (!this.#core.rows.directory.get(this.#node.n)) {
      this.#core.rows.newDirectory.run(this.#node.n, this.#mount.mountId);
    }
  }

  #take(entry: Entry): void {
    const name = this.#mount.codec.toVisible(entry.name);
    const found = this.#find(entry, name);
    const change = this.#changeAheadOf(entry, name, found);
    if (change) {
      if (change.op === "put" && this.#isShown(change)) this.#seen.add(change.n);
      return;
    }
    const placeholder = this.#displace(name);
    const row = placeholder && found?.n === placeholder.n && found.pending ? undefined : found;
    const facts = factsOf(entry, row && rawNameOf(row) === entry.name ? row.name : name, this.#mount.traits.ids);
    if (!row) {
      // A file takes the placeholder's node over, as one that is overwritten would: who has locked the name had this file in mind.
      const heir = entry.kind === "file" ? placeholder?.n : undefined;
      this.#insert(knownKey(this.#core, this.#mount, entry, this.#node.n) ?? heir, facts);
    } else if (row.is_directory === facts.is_directory) this.#compare(row, keepHashes(row, facts));
    else this.#insert(undefined, facts, row);
  }

  /** The placeholder of a name under which the storage has an entry: its row ends with the generation before this. */
  #displace(name: string): LocalChange | undefined {
    const change = this.#core.overlay.in(this.#node.n)?.get(name);
    if (change?.state !== "placeholder" || this.#displaced.has(change)) return undefined;
    this.#displaced.add(change);
    const rows = this.#core.rows.named.all(this.#node.n, name);
    const row = rows.find((r) => r.n === change.n && isVisible(r, this.#generation));
    if (row) {
      this.#mark();
      this.#live -= this.#core.rows.end.run(row.r, this.#next);
      this.#known = undefined;
    }
    return change;
  }

  /** The entry's row, as the listing has it so far. */
  #find(entry: Entry, name: string): EntryRow | undefined {
    const isStable = this.#mount.traits.ids === "stable" && entry.id !== "";
    if (!this.#isLarge) {
      this.#known ??= this.#load();
      if (!this.#isLarge) return this.#known.get(isStable ? `i${entry.id}` : `n${name}`);
    }
    const rows = isStable
      ? this.#core.rows.byId.all(entry.id, this.#mount.mountId).filter((r) => r.parent_n === this.#node.n && !r.pending)
      : this.#core.rows.named.all(this.#node.n, name);
    return rows.find((r) => r.since === this.#next) ?? rows.find((r) => isVisible(r, this.#generation));
  }

  #load(): Map<string, EntryRow> {
    const known = new Map<string, EntryRow>();
    const rows = this.#core.rows.currentAfter.all(this.#node.n, "", 0, 2 * HOT_LIMIT);
    for (const row of rows) this.#remember(known, row);
    if (rows.length === 2 * HOT_LIMIT) this.#isLarge = true;
    return known;
  }

  #remember(known: Map<string, EntryRow>, row: EntryRow): void {
    if (this.#mount.traits.ids === "stable" && row.id && !row.pending) known.set(`i${row.id}`, row);
    else known.set(`n${row.name}`, row);
    if (known.size <= HOT_LIMIT) return;
    this.#isLarge = true;
    this.#known = undefined;
  }

  #isShown(change: LocalChange): boolean {
    return this.#core.rows.named
      .all(this.#node.n, change.name)
      .some((row) => row.n === change.n && isVisible(row, this.#generation));
  }

  /** The local change that knows better than the listing about this entry. */
  #changeAheadOf(entry: Entry, name: string, row: EntryRow | undefined): LocalChange | undefined {
    const changes = this.#core.overlay.in(this.#node.n);
    if (!changes) return undefined;
    if (this.#mount.traits.ids === "stable") {
      const ofId = [...this.#core.overlay.byId(this.#node.n, entry.id)].filter((change) => this.#isAhead(change));
      // A rename is a removal and a put of one id: the put tells where it is.
      if (ofId.length > 0) return ofId.find((change) => change.op === "put") ?? ofId[0];
    }
    const byName = changes.get(name);
    if (!byName || !this.#isAhead(byName)) return undefined;
    const settles = this.#mount.traits.settlesWithinMs ?? 0;
    if (byName.state === "placeholder" && !isNewerThan(byName, this.startedAt, settles)) return undefined;
    // Another entry of the same name, shown under a marked one.
    const isOther = row !== undefined && row.name !== name && row.n !== byName.n;
    return isOther ? undefined : byName;
  }

  #isAhead(change: LocalChange): boolean {
    return isAheadOf(change, this.startedAt, this.#mount.traits.settlesWithinMs ?? 0);
  }

  #compare(row: EntryRow, facts: Facts): void {
    this.#seen.add(row.n);
    if (sameFacts(row, facts)) return;
    if (row.since === this.#next) {
      // The service listed it twice, with different facts: the later ones count.
      this.#core.rows.replace(row.r, { ...row, ...facts });
      this.#known = undefined;
    } else this.#insert(row.n, facts, row);
  }

  #insert(n: number | undefined, facts: Facts, instead?: EntryRow): void {
    this.#mark();
    if (instead?.since === this.#next) {
      this.#live -= this.#core.rows.delete.run(instead.r);
      this.#seen.delete(instead.n);
    } else if (instead) this.#live -= this.#core.rows.end.run(instead.r, this.#next);
    const key = n ?? this.#core.keys.take();
    const row = {
      ...facts,
      n: key,
      parent_n: this.#node.n,
      mount_id: this.#mount.mountId,
      since: this.#next,
      until: null,
    };
    const r = this.#core.rows.insert(row);
    this.#live++;
    this.#seen.add(key);
    if (this.#known) this.#remember(this.#known, { ...row, r });
  }

  /** Ends the rows that the listing lacks, and gives every entry a name of its own. */
  async #settle(): Promise<void> {
    const { rows, file } = this.#core;
    const shared = new Set<string>();
    const marked = new Map<string, number[]>();
    let previous: string | undefined;
    let after: Pick<EntryRow, "name" | "r"> = { name: "", r: 0 };
    await untilDone(file, this.#pace, () => {
      this.#check();
      const some = rows.currentAfter.all(this.#node.n, after.name, after.r, PIECE_ROWS);
      for (const row of some) {
        after = row;
        if (!this.#staysIn(row)) {
          this.#mark();
          this.#live -= rows.end.run(row.r, this.#next);
          this.#known = undefined;
          continue;
        }
        if (row.name === previous) shared.add(row.name);
        previous = row.name;
        const bare = this.#bareName(row);
        if (bare !== row.name) marked.set(bare, [...(marked.get(bare) ?? []), row.n]);
      }
      return some.length === PIECE_ROWS;
    });
    // Marked names give way to entries that are truly called so.
    const bareNames = [...new Set([...marked.keys(), ...shared])];
    await inPieces(file, this.#pace, bareNames, (bare) => {
      const living = (some: readonly EntryRow[]) => some.filter((r) => r.parent_n === this.#node.n && r.until === null);
      const named = (name: string) => living(rows.named.all(this.#node.n, name));
      const group = new Map(
        [...named(bare), ...living((marked.get(bare) ?? []).flatMap((n) => rows.byNode.all(n)))].map((r) => [r.r, r]),
      );
      const members = [...group.values()].filter((row) => this.#bareName(row) === bare);
      for (const [row, name] of namesApart(bare, members, named)) if (name !== row.name) this.#rename(row, name);
    });
  }

  #staysIn(row: EntryRow): boolean {
    if (row.since === this.#next || this.#seen.has(row.n)) return true;
    const change = this.#core.overlay.in(this.#node.n)?.get(row.name);
    return change?.op === "put" && this.#isAhead(change);
  }

  #bareName(row: EntryRow): string {
    return row.raw === null ? row.name : this.#mount.codec.toVisible(rawNameOf(row));
  }

  #rename(row: EntryRow, name: string): void {
    const rawName = rawNameOf(row);
    const renamed = { ...row, name, raw: rawName === name ? null : JSON.stringify(rawName) };
    this.#mark();
    this.#known = undefined;
    if (row.since === this.#next) {
      this.#core.rows.replace(row.r, renamed);
      return;
    }
    this.#core.rows.end.run(row.r, this.#next);
    this.#core.rows.insert({ ...renamed, since: this.#next });
  }

  /** The listing now speaks for these changes; where it disagrees, that is logged. */
  async #dropOverruled(changes: readonly LocalChange[]): Promise<void> {
    await inPieces(this.#core.file, this.#pace, changes, (change) => {
      const isThere = this.#core.rows.named.all(this.#node.n, change.name).some((row) => row.until === null);
      if (isThere === (change.op === "put")) return;
      this.#core.log.warn(
        { mount: this.#mount.mountId, directory: this.#node.n, name: change.name, change: change.op, at: change.at },
        "the storage's listing disagrees with a change made here: the listing is shown",
      );
    });
    await this.#core.overlay.drop(changes);
  }
}

/** What is known of a directory's listing, from a row that has one. */
export function stateOf(row: DirectoryRow): DirectoryState {
  return { listedAt: row.listed_at!, version: row.version, count: row.count };
}
