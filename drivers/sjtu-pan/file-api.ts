/** The file plane, one function per endpoint, in the service's own words (sjtu-pan.md §3, §4). */
import type { CallOptions } from "../contract/mount.ts";
import { readAs } from "./reply.ts";
import type { PanReply, PanSession } from "./session.ts";
import {
  batchSchema,
  type Item,
  itemSchema,
  pageSchema,
  placedSchema,
  type SignedPartsReply,
  type SimpleStart,
  signedPartsSchema,
  simpleStartSchema,
  type Task,
  taskSchema,
  trashPageSchema,
  type UploadStatus,
  uploadStatusSchema,
} from "./wire.ts";

/** Conflict strategies (sjtu-pan.md §3.1). */
export type Strategy = "ask" | "rename" | "overwrite";

/** Entries of a listing's page, and of the recycle bin's (sjtu-pan.md §3.2, §3.8). */
const PAGE_SIZE = 1000;
const TRASH_PAGE_SIZE = 100;

/** The two resources of a path: which one is asked decides what may be there. */
export type Resource = "file" | "directory";

/** Paths are percent-encoded in addresses (`path`) and plain in bodies (`from`, `plainPaths`). */
export class FileApi {
  readonly #session: PanSession;

  constructor(session: PanSession) {
    this.#session = session;
  }

  /** One page of a directory, from 1. */
  async list(path: string, page: number, o: CallOptions, pageSize = PAGE_SIZE) {
    const query = { page, page_size: pageSize, order_by: "name", order_by_type: "asc" };
    const { payload } = await this.#session.call({ method: "GET", resource: "directory", path, query }, o);
    return readAs(pageSchema, payload, "a listing");
  }

  /** A file or a directory. */
  async stat(path: string, o: CallOptions): Promise<Item> {
    const { payload } = await this.#session.call({ method: "GET", resource: "directory", path, flags: ["info"] }, o);
    return readAs(itemSchema, payload, "a question about an entry");
  }

  /** The answer that redirects to a file's bytes. */
  download(path: string, o: CallOptions): Promise<PanReply> {
    return this.#session.call({ method: "GET", resource: "file", path }, o);
  }

  async makeDirectory(path: string, strategy: "ask" | "rename", o: CallOptions): Promise<Item> {
    const query = { conflict_resolution_strategy: strategy };
    const { payload } = await this.#session.call({ method: "PUT", resource: "directory", path, query }, o);
    // The body may be empty (sjtu-pan.md §3.4).
    return readAs(itemSchema, payload ?? {}, "the making of a folder");
  }

  /** Moves or copies one entry to a path. */
  async place(
    resource: Resource,
    path: string,
    source: { readonly from: string } | { readonly copyFrom: string },
    strategy: Strategy,
    o: CallOptions,
  ) {
    const query = { conflict_resolution_strategy: strategy };
    const { payload } = await this.#session.call({ method: "PUT", resource, path, query, json: source }, o);
    return readAs(placedSchema, payload ?? {}, "a move or copy");
  }

  async delete(resource: Resource, path: string, permanent: boolean, o: CallOptions): Promise<void> {
    const query = { permanent: permanent ? 1 : 0 };
    await this.#session.call({ method: "DELETE", resource, path, query }, o);
  }

  async deleteMany(plainPaths: readonly string[], permanent: boolean, o: CallOptions) {
    const json = plainPaths.map((path) => ({ path, permanent }));
    const { payload } = await this.#session.call({ method: "POST", resource: "batch", flags: ["delete"], json }, o);
    return readAs(batchSchema, payload ?? {}, "a removal");
  }

  async task(taskId: number, o: CallOptions): Promise<Task | undefined> {
    const { payload } = await this.#session.call({ method: "GET", resource: "task", path: String(taskId) }, o);
    return readAs(taskSchema, payload, "a question about a task").find((task) => task.taskId === taskId);
  }

  async startSimple(path: string, strategy: Strategy, size: number, o: CallOptions): Promise<SimpleStart> {
    const query = { conflict_resolution_strategy: strategy, filesize: size };
    const { payload } = await this.#session.call({ method: "PUT", resource: "file", path, query, json: {} }, o);
    return readAs(simpleStartSchema, payload, "the beginning of an upload");
  }

  async startMultipart(
    path: string,
    strategy: Strategy,
    size: number,
    parts: readonly number[],
    o: CallOptions,
  ): Promise<SignedPartsReply> {
    const query = { conflict_resolution_strategy: strategy, filesize: size };
    const { payload } = await this.#session.call(
      { method: "POST", resource: "file", path, flags: ["multipart"], query, json: { partNumberRange: parts } },
      o,
    );
    return readAs(signedPartsSchema, payload, "the beginning of an upload");
  }

  async renewParts(confirmKey: string, parts: readonly number[], o: CallOptions): Promise<SignedPartsReply> {
    const { payload } = await this.#session.call(
      {
        method: "POST",
        resource: "file",
        path: encodeURIComponent(confirmKey),
        flags: ["renew"],
        json: { partNumberRange: parts },
      },
      o,
    );
    return readAs(signedPartsSchema, payload, "the renewal of an upload");
  }

  async uploadStatus(confirmKey: string, o: CallOptions): Promise<UploadStatus> {
    const path = encodeURIComponent(confirmKey);
    const { payload } = await this.#session.call({ method: "GET", resource: "file", path, flags: ["upload"] }, o);
    return readAs(uploadStatusSchema, payload, "a question about an upload");
  }

  async confirmUpload(confirmKey: string, strategy: Strategy, crc64: string, o: CallOptions): Promise<Item> {
    const path = encodeURIComponent(confirmKey);
    const query = { conflict_resolution_strategy: strategy };
    const { payload } = await this.#session.call(
      { method: "POST", resource: "file", path, flags: ["confirm"], query, json: { crc64 } },
      o,
    );
    return readAs(itemSchema, payload, "the end of an upload");
  }

  async abortUpload(confirmKey: string, o: CallOptions): Promise<void> {
    const path = encodeURIComponent(confirmKey);
    await this.#session.call({ method: "DELETE", resource: "file", path, flags: ["upload"] }, o);
  }

  /** One page of the recycle bin, from 1. */
  async listTrash(page: number, o: CallOptions) {
    const query = { page, page_size: TRASH_PAGE_SIZE };
    const { payload } = await this.#session.call({ method: "GET", resource: "recycled", query }, o);
    return readAs(trashPageSchema, payload, "a listing of the recycle bin");
  }

  async restoreMany(ids: readonly number[], o: CallOptions) {
    const { payload } = await this.#session.call(
      { method: "POST", resource: "recycled", flags: ["restore"], json: ids },
      o,
    );
    return readAs(batchSchema, payload ?? {}, "a restoration");
  }

  async restore(id: number, strategy: Strategy, o: CallOptions): Promise<void> {
    const query = { conflict_resolution_strategy: strategy };
    await this.#session.call({ method: "POST", resource: "recycled", path: String(id), flags: ["restore"], query }, o);
  }

  async purgeMany(ids: readonly number[], o: CallOptions) {
    const { payload } = await this.#session.call(
      { method: "POST", resource: "recycled", flags: ["delete"], json: ids },
      o,
    );
    return readAs(batchSchema, payload ?? {}, "a removal from the recycle bin");
  }

  async purge(id: number, o: CallOptions): Promise<void> {
    await this.#session.call({ method: "DELETE", resource: "recycled", path: String(id) }, o);
  }

  async emptyTrash(o: CallOptions) {
    const { payload } = await this.#session.call({ method: "DELETE", resource: "recycled" }, o);
    return readAs(batchSchema, payload ?? {}, "the emptying of the recycle bin");
  }
}
