/** What the index's thread is asked, and what it tells. */
import type { Hit } from "./names-in-tree.ts";
import type { Wanted } from "./words.ts";

/** What the thread is begun with. */
export interface KeeperOptions {
  readonly treePath: string;
  readonly indexPath: string;
  /** The tree's birth: an index of another one is worth nothing. */
  readonly birth: number;
  /** The tree's last mark when it was opened. */
  readonly lastAtOpen: number;
}

/** How far somebody has come in what was found. `words`: by the index; `texts`: in the middle of words. */
export interface Place {
  readonly stage: "words" | "texts";
  /** The last node that was looked at. */
  readonly after: number;
}

export interface SearchRequest {
  readonly wanted: Wanted;
  /** Keys of the directories to look in, and in all below them. */
  readonly within: readonly number[];
  readonly place: Place;
  /** Most hits of one answer. */
  readonly limit: number;
  /** False where something was found before: then nobody looks into the middle of words. */
  readonly mayLoosen: boolean;
}

export interface SearchReply {
  readonly hits: readonly Hit[];
  /** Where to go on; undefined at the end. */
  readonly place: Place | undefined;
}

/** How the index is. */
export interface IndexStatus {
  /** `off`: the setting says so. `building`: names of the tree are still missing. `cleared`: emptied, until it is built again. */
  readonly state: "off" | "building" | "ready" | "cleared";
  /** Names in it. */
  readonly names: number;
  /** Changes that it has not looked at yet. */
  readonly waiting: number;
  /** Bytes on the disk. */
  readonly bytes: number;
}

export type Ask =
  | { readonly id: number; readonly ask: "search"; readonly request: SearchRequest }
  | { readonly id: number; readonly ask: "status" | "fill" | "clear" | "heed" | "close" }
  | { readonly id?: undefined; readonly ask: "touched" };

export type Told =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: string }
  /** Marks up to this one may be forgotten. */
  | { readonly heeded: number };
