/** The state of the whole service (sjtu-pan.md §12.1). */
import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { Content } from "./content.ts";
import { defaultKnobs, type KnobSettings, type Knobs } from "./knobs.ts";
import type { SigningKey } from "./sigv4.ts";
import { type FileData, Tree, type TreeNode } from "./tree.ts";
import { HOSTS } from "./wire.ts";

/** The only organization (sjtu-pan.md §0.2). */
export const CORP_ID = "xpw8ou8y";
export const ORGANIZATION_ID = 1;

export interface Account {
  readonly userId: number;
  nickname: string;
  /** Bytes; undefined: without limit. */
  capacity: number | undefined;
  hasPersonalSpace: boolean;
  readonly space: Space;
}

export interface Space {
  readonly id: string;
  readonly tree: Tree;
  readonly bin: Map<number, RecycledItem>;
  /** Bytes of files that can be listed, of earlier versions, and in the bin. */
  liveBytes: number;
  historyBytes: number;
  binBytes: number;
}

export interface RecycledItem {
  readonly id: number;
  readonly node: TreeNode;
  readonly originalPath: readonly string[];
  readonly removedAt: number;
  readonly size: number;
}

/** Something that stands for an account for a while. */
export interface Grant {
  readonly account: Account;
  expiresAt: number;
}

export interface SsoCode extends Grant {
  used: boolean;
}

export interface AccessToken extends Grant {
  /** The test took it back before its time: using it is no client's fault. */
  revoked: boolean;
}

export interface StoredObject {
  readonly content: Content;
  readonly eTag: string;
  readonly contentType: string;
  readonly modifiedAt: number;
  /** When the bytes go, once no file has them. */
  goneAt: number | undefined;
}

export interface StoredPart {
  readonly content: Content;
  readonly md5: string;
  readonly storedAt: number;
  /** A fault of the test changed what was sent. */
  readonly corrupted: boolean;
}

export interface UploadSession {
  readonly confirmKey: string;
  readonly space: Space;
  readonly path: readonly string[];
  readonly strategy: Strategy;
  readonly kind: "simple" | "multipart";
  readonly object: string;
  readonly contentType: string;
  readonly announcedSize: number | undefined;
  readonly createdAt: number;
  uploadId: string;
  /** Earlier upload ids, whose parts are lost. */
  readonly retired: Set<string>;
  readonly parts: Map<number, StoredPart>;
  simple: StoredPart | undefined;
  state: "pending" | "confirmed" | "aborted";
  confirmedAt: number;
  incompleteAnswers: number;
}

export type Strategy = "ask" | "rename" | "overwrite";

export interface Task {
  readonly id: number;
  readonly space: Space;
  readonly doneAt: number;
  polls: number;
  /** Runs the work; what it gives is the task's row. */
  readonly run: () => { readonly status: number; readonly [member: string]: unknown };
  outcome: { readonly status: number; readonly [member: string]: unknown } | undefined;
}

/** A request that the facts do not allow. */
export interface Violation {
  readonly kind: ViolationKind;
  readonly message: string;
  readonly route: string;
  readonly method: string;
  /** Host and path, without what is secret. */
  readonly place: string;
}

export type ViolationKind =
  | "path"
  | "method"
  | "query"
  | "header"
  | "body"
  | "encoding"
  | "stale-token"
  | "unknown-token"
  | "signature"
  | "stale-signature"
  | "leaked-secret"
  | "protocol";

export interface AccountSeed {
  readonly nickname?: string;
  /** Bytes; null: without limit. Default 1 TiB (sjtu-pan.md §3.10). */
  readonly capacity?: number | null;
  readonly hasPersonalSpace?: boolean;
}

export interface WorldOptions {
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly knobs?: KnobSettings;
  /** Default: one. */
  readonly accounts?: readonly AccountSeed[];
  /** Host of the store in replies and signatures. Default: the real one. */
  readonly storeHost?: string;
}

/** Signatures that are remembered: of some 400 GiB in parts. */
const MOST_SIGNATURES = 100_000;

export class World {
  readonly knobs: Knobs;
  readonly libraryId = "smh2ax67srucy60s";
  readonly bucket: string;
  readonly storeHost: string;
  readonly signingKey: SigningKey;
  readonly accounts: readonly Account[];
  readonly cookies = new Map<string, Grant>();
  /** Logins at my.sjtu.edu.cn. */
  readonly mySessions = new Map<string, Grant>();
  readonly codes = new Map<string, SsoCode>();
  readonly userTokens = new Map<string, Grant>();
  readonly accessTokens = new Map<string, AccessToken>();
  /** Signatures of the store's addresses and headers that were given out. */
  readonly signatures = new Set<string>();
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, UploadSession>();
  readonly tasks = new Map<number, Task>();
  readonly #clock: Clock;
  #lastStamp = 0;
  #lastNumber = 4710;

  constructor({ clock = { now: () => Date.now() }, knobs, accounts = [{}], storeHost }: WorldOptions) {
    this.#clock = clock;
    this.knobs = defaultKnobs(knobs);
    this.storeHost = storeHost ?? HOSTS.store;
    this.bucket = `tced-private-${this.secret(8)}-sjtu`;
    this.signingKey = { id: `AK${this.secret(18)}`, secret: this.secret(40), region: "us-east-1" };
    this.accounts = accounts.map((seed, i) => ({
      userId: 100200 + i,
      nickname: seed.nickname ?? "林小明",
      capacity: seed.capacity === null ? undefined : (seed.capacity ?? 2 ** 40),
      hasPersonalSpace: seed.hasPersonalSpace ?? true,
      space: this.#createSpace(),
    }));
  }

  /** The service's time in milliseconds since the epoch. */
  now(): number {
    return this.#clock.now() + this.knobs.clockOffsetMs;
  }

  /** The service's time for a record: never before an earlier one. */
  stamp(): number {
    this.#lastStamp = Math.max(this.#lastStamp, this.now());
    return this.#lastStamp;
  }

  /** Random hex digits. */
  secret(digits: number): string {
    return randomBytes(Math.ceil(digits / 2))
      .toString("hex")
      .slice(0, digits);
  }

  /** Remembers a signature that is given out. */
  signed(signature: string): string {
    if (this.signatures.size < MOST_SIGNATURES) this.signatures.add(signature);
    return signature;
  }

  /** A number that was not given out before. */
  nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  /** Bytes that count against the quota. */
  usedBytes(space: Space): number {
    return space.liveBytes + space.historyBytes + (this.knobs.binCountsAsUsed ? space.binBytes : 0);
  }

  ownerOf(space: Space): Account {
    return this.accounts.find((account) => account.space === space)!;
  }

  /** True where so many more bytes fit. */
  fits(space: Space, bytes: number): boolean {
    const { capacity } = this.ownerOf(space);
    return capacity === undefined || this.usedBytes(space) + bytes <= capacity;
  }

  /** Lets a file's bytes go, after the time that they linger. */
  releaseObject(data: FileData): void {
    const object = this.objects.get(data.object);
    if (object) object.goneAt = this.now() + this.knobs.objectsLingerMs;
  }

  /** The stored object, if it is still there. */
  object(path: string): StoredObject | undefined {
    const object = this.objects.get(path);
    if (object?.goneAt === undefined || object.goneAt > this.now()) return object;
    this.objects.delete(path);
    return undefined;
  }

  #createSpace(): Space {
    const knobs = this.knobs;
    return {
      id: `space${this.secret(13)}`,
      tree: new Tree({
        stamp: () => this.stamp(),
        keyOf: (name) => (knobs.caseInsensitive ? name.toLowerCase() : name),
      }),
      bin: new Map(),
      liveBytes: 0,
      historyBytes: 0,
      binBytes: 0,
    };
  }
}
