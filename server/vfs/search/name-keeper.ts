/** Keeps the index of names as the tree is, in short turns, and answers searches between them (decision 0022). */
import { statSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { nameGlob } from "../name-glob.ts";
import { FileOfNames } from "./file-of-names.ts";
import { type Hit, NamesInTree } from "./names-in-tree.ts";
import type { IndexStatus, KeeperOptions, Place, SearchReply, SearchRequest } from "./protocol.ts";
import { hasTexts, hasWords, matchOf, type Wanted } from "./words.ts";

/** Marks, nodes and found keys of one turn. */
const AT_ONCE = 1000;
/** Nodes that one answer looks at, at most: searching goes on with the next. */
const MOST_LOOKED_AT = 5_000;
/** Where fewer than one in so many of the nodes that match lies where somebody looks, what lies there is looked through instead, */
const TOO_FEW = 20;
/** unless there are more names than this. */
const MOST_BELOW = 50_000;
/** Names that are found by a text in their middle, at most. */
const MOST_CONTAINING = 10_000;
/** Waiting changes that a search first takes in. */
const MOST_AWAITED = 20_000;

/** Changes after which the index is put in order: searches for prefixes grow slower with what lies in pieces. */
const MOST_UNORDERED = 50_000;

/** SQLite's SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGED = new Set([11, 26]);

export class NameKeeper {
  readonly #options: KeeperOptions;
  readonly #tree: NamesInTree;
  readonly #heeded: (seq: number) => void;
  #index: FileOfNames;
  #isWorking = false;
  #isClosed = false;
  /** Names taken in since the index was put in order. */
  #unordered = 0;
  #isOrdering = false;
  /** The nodes with the wanted name below the directories that were searched last; undefined where too many names lie there. */
  #below: { readonly key: string; readonly found: readonly number[] | undefined } | undefined;
  #containing: { readonly text: string; readonly heeded: number; readonly found: readonly number[] } | undefined;

  /** `heeded` hears which marks may be forgotten. */
  constructor(options: KeeperOptions, heeded: (seq: number) => void) {
    this.#options = options;
    this.#heeded = heeded;
    this.#tree = new NamesInTree(options.treePath);
    this.#index = FileOfNames.open(options.indexPath, options.birth);
    // It knows of changes that the tree has lost.
    if (this.#index.state.heeded > options.lastAtOpen) this.#renew();
    this.touched();
  }

  /** Something in the tree may have changed. */
  touched(): void {
    void this.#work();
  }

  status(): Omit<IndexStatus, "state"> & { readonly state: Exclude<IndexStatus["state"], "off"> } {
    const { state, heeded } = this.#index.state;
    const waiting = Math.max(0, this.#tree.lastMark() - heeded);
    return { state, names: this.#repairing(() => this.#index.count()), waiting, bytes: this.#bytes() };
  }

  /** Fills the index again where it was cleared; where it was not, it has everything already. */
  fill(): void {
    if (this.#index.state.state !== "cleared") return;
    this.#repairing(() => this.#index.setState({ state: "building", position: 0 }));
    this.touched();
  }

  /** Empties the index; it stays empty until `fill`. */
  clear(): void {
    this.#repairing(() => this.#index.empty({ state: "cleared", position: 0 }));
  }

  /** Takes in what is waiting now. */
  heed(): void {
    for (let left = MOST_AWAITED; left > 0 && this.#repairing(() => this.#takeMarks()); ) left -= AT_ONCE;
  }

  search(request: SearchRequest): SearchReply {
    if (this.#index.state.state !== "cleared") this.heed();
    return this.#repairing(() => this.#search(request));
  }

  close(): void {
    this.#isClosed = true;
    this.#index.close();
    this.#tree.close();
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    try {
      while (!this.#isClosed && this.turn()) await setImmediate();
    } finally {
      this.#isWorking = false;
    }
  }

  /** Does a piece of what is to be done; false when there is nothing. It goes on by itself. */
  turn(): boolean {
    return this.#repairing(() => this.#doSome());
  }

  #doSome(): boolean {
    if (this.#takeMarks()) return true;
    if (this.#index.state.state === "building") {
      const { nodes, end } = this.#tree.nodesAfter(this.#index.state.position, AT_ONCE);
      const position = nodes.at(-1)?.[0] ?? this.#index.state.position;
      this.#index.take(nodes, end ? { state: "ready", position: 0 } : { position });
      this.#unordered += nodes.length;
      return true;
    }
    if (this.#isOrdering) this.#isOrdering = this.#index.merge(false);
    else if (this.#unordered > MOST_UNORDERED) {
      this.#unordered = 0;
      this.#isOrdering = this.#index.merge(true);
    }
    return this.#isOrdering;
  }

  /** Heeds some marks; false where there are none. */
  #takeMarks(): boolean {
    const { state, heeded } = this.#index.state;
    const marks = this.#tree.marks(heeded, AT_ONCE);
    const last = marks.at(-1)?.seq;
    if (last === undefined) return false;
    if (state === "cleared") this.#index.setState({ heeded: last });
    else {
      const nodes = new Set(marks.map(({ n }) => n));
      this.#unordered += nodes.size;
      this.#index.take(
        [...nodes].map((n) => [n, this.#tree.namesOf(n)] as const),
        { heeded: last },
      );
    }
    this.#heeded(last);
    return true;
  }

  #search({ wanted, within, place, limit, mayLoosen }: SearchRequest): SearchReply {
    const locate = this.#tree.locate(new Set(within));
    const hits: Hit[] = [];
    let lookedAt = 0;
    for (let at: Place | undefined = place; at; ) {
      const fits = fitsOf(wanted, at.stage);
      const isSparse = lookedAt >= AT_ONCE && hits.length * TOO_FEW < lookedAt;
      const below: readonly number[] | undefined =
        at.stage === "words" && isSparse ? this.#lookBelow(wanted, within) : undefined;
      const { after }: Place = at;
      const { found, end }: Candidates = below
        ? { found: below.filter((n) => n > after), end: true }
        : this.#candidates(wanted, at, mayLoosen && hits.length === 0);
      for (const n of found) {
        for (const hit of locate(n)) if (fits(hit)) hits.push(hit);
        lookedAt++;
        at = { stage: at.stage, after: n };
        if (hits.length >= limit || lookedAt >= MOST_LOOKED_AT) return { hits, place: at };
      }
      if (end) at = at.stage === "words" ? { stage: "texts", after: 0 } : undefined;
    }
    return { hits, place: undefined };
  }

  /** Nodes that may be meant, from after a place on. */
  #candidates(wanted: Wanted, { stage, after }: Place, mayLoosen: boolean): Candidates {
    const match = matchOf(wanted);
    if (stage === "words") {
      if (this.#index.state.state === "cleared") return NONE;
      if (match !== undefined) {
        const found = this.#index.find(match, after, AT_ONCE);
        return { found, end: found.length < AT_ONCE };
      }
      if (wanted.text !== undefined) return NONE;
      // Nothing is said of the name, or nothing that an index knows.
      const { nodes, end } = this.#tree.nodesAfter(after, AT_ONCE);
      return { found: nodes.map(([n]) => n), end };
    }
    const isNeeded = wanted.isLoose ? mayLoosen : match === undefined;
    if (!isNeeded || wanted.text === undefined || this.#index.state.state === "cleared") return NONE;
    const all = this.#containingText(wanted.text);
    return { found: all.filter((n) => n > after), end: true };
  }

  #lookBelow(wanted: Wanted, within: readonly number[]): readonly number[] | undefined {
    const key = JSON.stringify([this.#index.state.heeded, wanted, within]);
    if (this.#below?.key !== key) {
      const isMeant = nameTest(wanted, "words");
      this.#below = { key, found: this.#tree.below(within, isMeant, MOST_BELOW) };
    }
    return this.#below.found;
  }

  #containingText(text: string): readonly number[] {
    const { heeded } = this.#index.state;
    if (this.#containing?.text !== text || this.#containing.heeded !== heeded) {
      this.#containing = { text, heeded, found: this.#tree.containing(text, MOST_CONTAINING) };
    }
    return this.#containing.found;
  }

  /** What fails because the file is damaged is done once more with a new one. */
  #repairing<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const { errcode } = error as { errcode?: number };
      if (errcode === undefined || !DAMAGED.has(errcode & 0xff)) throw error;
      this.#renew();
      this.touched();
      return work();
    }
  }

  /** Begins with a new file. */
  #renew(): void {
    this.#index.close();
    FileOfNames.discard(this.#options.indexPath);
    this.#index = FileOfNames.open(this.#options.indexPath, this.#options.birth);
  }

  #bytes(): number {
    let bytes = 0;
    for (const suffix of ["", "-wal"]) {
      bytes += statSync(this.#options.indexPath + suffix, { throwIfNoEntry: false })?.size ?? 0;
    }
    return bytes;
  }
}

/** Nodes to look at, and whether these are the last. */
interface Candidates {
  readonly found: readonly number[];
  readonly end: boolean;
}

const NONE = { found: [], end: true } as const;

function fitsOf(wanted: Wanted, stage: Place["stage"]): (hit: Hit) => boolean {
  const { kind } = wanted;
  const isNamed = nameTest(wanted, stage);
  return (hit) => (kind === undefined || hit.kind === kind) && isNamed(hit.names.at(-1)!);
}

function nameTest(wanted: Wanted, stage: Place["stage"]): (name: string) => boolean {
  if (wanted.glob) return nameGlob(wanted.glob.pattern, { ignoreCase: wanted.glob.ignoreCase });
  return stage === "words" ? hasWords(wanted) : hasTexts(wanted);
}
