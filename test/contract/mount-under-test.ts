/** What the contract suite is given, and what each of its cases gets to work with. */
import type { Entry, Mount } from "#drivers/contract/mount.ts";
import type { Capabilities, Traits } from "#drivers/contract/traits.ts";

/** One thing that a storage holds. */
export interface Held {
  /** Segments below the root. */
  readonly path: readonly string[];
  readonly kind: Entry["kind"];
  /** A file's bytes. */
  readonly content?: Uint8Array;
  /** How many entries a directory holds, where they are too many to be named one by one. */
  readonly entries?: number;
}

/** An opened storage, for one case alone. */
export interface MountUnderTest {
  readonly mount: Mount;
  /** As seen through the layers around the mount: under `complete`, `replace` is `atomic`. */
  readonly traits: Traits;
  /** Puts things into the storage by another way than the mount, parents first: another's hand. Needed by a mount that cannot write unless it has `holds`. */
  seed?(things: readonly Held[]): Promise<void>;
  /** What a storage that nobody can write to holds. Directories that lead to a named thing need not be named. */
  readonly holds?: readonly Held[];
  /** An entry in the form of this mount's own that does not exist, for mounts that can neither remove nor have `ids: "path"`. */
  gone?(kind: Entry["kind"]): Entry;
  /** Makes the storage break off the next body that is read after that many bytes. */
  cutShort?(bytes: number): void;
  /** How many sockets, file handles and the like the mount holds now. */
  held?(): number;
  /** Frees all of it; called after `mount.close`. */
  dispose(): Promise<void>;
}

/** What decides whether a case concerns a mount. */
export interface Facts extends Omit<MountUnderTest, "mount" | "dispose"> {
  readonly can: Capabilities;
  /** True where the mount has `read`, false where reading goes through links alone. */
  readonly readsItself: boolean;
  /** True where an interrupted upload can be let go, and so can go on. */
  readonly resumes: boolean;
}

/** One sentence of the contract, and how it shows. */
export interface ContractCase {
  /** A sentence with its authority; exceptions quote it whole. */
  readonly name: string;
  /** Whether the sentence concerns such a mount; absent: every mount. */
  concerns?(facts: Facts): boolean;
  /** Rejects when the mount breaks the contract. Gets a storage of its own. */
  run(context: CaseContext): Promise<void>;
  /** In milliseconds, where the default does not do. */
  readonly timeoutMs?: number;
}

/** A case that a mount is known to fail. */
export interface ContractException {
  /** The whole name of the case. */
  readonly case: string;
  /** Why it cannot be otherwise. */
  readonly reason: string;
  /** Where that is known from: a section of `docs/protocols`, or a measurement. */
  readonly fact: string;
}

/** A fresh storage with what the cases share. */
export interface CaseContext extends MountUnderTest {
  readonly can: Capabilities;
}

/** What `describeMount` needs of a mount. */
export interface MountSuite {
  /** Opens a fresh storage: empty, or holding what `holds` says. Called once per case. */
  open(): Promise<MountUnderTest>;
  /** Cases that this mount is known to fail. Each is printed, and fails the suite when its case passes or does not exist. */
  readonly exceptions?: readonly ContractException[];
}
