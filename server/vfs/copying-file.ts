/** One file from one storage to another, through this server: where its size is known in ranges, so that the copy goes on where it was after a restart. */
import { Readable } from "node:stream";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange } from "#drivers/contract/mount.ts";
import type { FoundNode, Lookup } from "./lookup.ts";
import { resourceOf } from "./node-resource.ts";
import type { Properties } from "./properties/properties.ts";
import type { Reading } from "./reading.ts";
import type { OpenFile, SeekableSource, TransferOptions, VfsOptions, WriteSource } from "./resource.ts";
import type { TreeNode } from "./tree/tree.ts";
import type { Writing } from "./writing.ts";

/** Bytes that wait between the two storages. */
const HIGH_WATER = 256 * 1024;

export interface CopyingFileOptions {
  readonly lookup: Lookup;
  readonly reading: Reading;
  readonly writing: Writing;
  readonly properties: Properties;
}

export class CopyingFile {
  readonly #o: CopyingFileOptions;

  constructor(options: CopyingFileOptions) {
    this.#o = options;
  }

  /** Copies a found file to a path; `onProgress` hears what this file adds. */
  async copy(source: FoundNode, to: string, o: TransferOptions): Promise<void> {
    let before = 0;
    const onProgress = (bytes: number) => {
      o.onProgress?.(bytes - before);
      before = bytes;
    };
    const { content, close } = await this.#contentOf(source, o);
    try {
      const { resource } = await this.#o.writing.write(to, content, {
        signal: o.signal,
        ...(o.holder && { holder: o.holder }),
        ...(isPlaceholder(source) && { mayBeKept: "likely" as const }),
        conflict: o.conflict === "replace" ? "replace" : "fail",
        ...(o.onProgress && { onProgress }),
      });
      const copy = this.#o.lookup.known(resource.path);
      if (copy) await this.#o.properties.copiedThrough(source, copy);
    } finally {
      close();
    }
  }

  async #contentOf(source: FoundNode, o: VfsOptions): Promise<{ content: WriteSource; close(): void }> {
    const { size, sizeIs, modifiedAt, hashes } = resourceOf(source);
    const facts = { ...(modifiedAt !== undefined && { modifiedAt }), ...(hashes && { hashes }) };
    const isExact = size !== undefined && sizeIs !== "about";
    // What this server keeps has no service to read ranges from, and may be at its storage in the middle; as a stream it can be kept for the target too.
    if (isExact && !source.node.pending) {
      return { content: { ...facts, ...this.#ranges(source, size, o) }, close() {} };
    }
    const stream = await this.#o.reading.openFound(source, o).read();
    return { content: { ...facts, stream, ...(isExact && { size }) }, close: () => void stream.destroy() };
  }

  #ranges(source: FoundNode, size: number, o: VfsOptions): SeekableSource {
    const file = this.#o.reading.openFound(source, o);
    const { storage, node } = source;
    return {
      size,
      isElsewhere: true,
      identity: `storage ${storage.id}: ${node.id}: ${stateOf(node)}`,
      // Nothing of it may have been read when it is handed on; what a mount gives has its first bytes in hand.
      open: async (range) => new LaterBody(file, range),
      check: async () => {
        const now = await this.#o.lookup.findNode(source.path, o).catch((error: unknown) => {
          if (kindOf(error) === "not-found") return undefined;
          throw error;
        });
        if (now && now.node.id === node.id && stateOf(now.node) === stateOf(node)) return;
        throw new StorageError("incomplete", `${source.path} has changed while it was copied`, {
          path: source.path,
          retryable: true,
        });
      },
    };
  }
}

/** Bytes of a file that is opened when somebody reads, and let go of when he stops. */
class LaterBody extends Readable {
  readonly #file: OpenFile;
  readonly #range: Required<ByteRange>;
  #opened: Readable | undefined;
  #isAsked = false;

  constructor(file: OpenFile, range: Required<ByteRange>) {
    super({ highWaterMark: HIGH_WATER });
    this.#file = file;
    this.#range = range;
  }

  override _read(): void {
    this.#opened?.resume();
    if (this.#isAsked) return;
    this.#isAsked = true;
    // An empty file has no range that could be asked for (RFC 9110 §14.1.2).
    if (this.#range.length === 0) this.push(null);
    else
      this.#file.read(this.#range).then(
        (opened) => this.#follow(opened),
        (error: Error) => this.destroy(error),
      );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#opened?.destroy();
    done(error);
  }

  #follow(opened: Readable): void {
    this.#opened = opened;
    opened.on("error", (error) => this.destroy(error));
    opened.once("close", () => {
      if (!opened.readableEnded)
        this.destroy(opened.errored ?? new StorageError("incomplete", "the storage broke off"));
    });
    opened.once("end", () => this.push(null));
    opened.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) opened.pause();
    });
    if (this.destroyed) opened.destroy();
  }
}

function isPlaceholder({ storage, node }: FoundNode): boolean {
  return storage.tree.isPlaceholder(node);
}

/** Equal for the same content of the same file. */
function stateOf({ size, version, modifiedAt }: TreeNode): string {
  return `${size} ${version ?? modifiedAt ?? ""}`;
}
