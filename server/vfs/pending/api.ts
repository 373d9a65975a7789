/** What others than the vfs may know and ask of content that waits for its upload: the tasks that run the uploads, and the fronts that show them. */
import type { PendingFailure } from "./record.ts";

/** One file whose content waits here. */
export interface PendingInfo {
  readonly id: string;
  /** Where it is shown now, or was last. */
  readonly path: string;
  readonly mountPath: string;
  readonly size: number;
  /** Who sent it; absent where nobody knows. */
  readonly userId?: number | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** What its upload failed with, until it is tried again by somebody. */
  readonly failure?: PendingFailure | undefined;
}

/** How content ceased to wait: the storage has it, or somebody removed or replaced it. */
export type PendingEnd = "stored" | "dropped";

/** Who runs the uploads. */
export interface PendingRunner {
  /** Content was accepted; its client waits until this resolves. Must not reject. */
  accepted(info: PendingInfo): Promise<void>;
  ended(id: string, how: PendingEnd): void;
}

export interface PendingUploads {
  list(): readonly PendingInfo[];
  get(id: string): PendingInfo | undefined;
  /** From now on, content is accepted where a storage is set up so, until the returned function is called. */
  attach(runner: PendingRunner): () => void;
  /** Uploads what waits, or the rest of it. Throws what that failed with; the content waits on. Of an id that nobody knows it is `stored`. */
  upload(id: string, o: UploadRunOptions): Promise<PendingEnd>;
  /** Marks a file with what its upload failed with, durably; undefined: it is tried again. */
  mark(id: string, failure: PendingFailure | undefined): Promise<void>;
}

export interface UploadRunOptions {
  readonly signal: AbortSignal;
  /** Called with the bytes that the storage has so far, cumulative. */
  onProgress?(bytes: number): void;
}
