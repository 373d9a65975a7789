/** Opening files: the bytes of what was found, or where a client may fetch them itself. */
import { Readable } from "node:stream";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { ByteRange } from "#drivers/contract/mount.ts";
import { decideDelivery } from "./delivery.ts";
import type { Listings } from "./listings.ts";
import { type FoundNode, type Lookup, notFound } from "./lookup.ts";
import { resourceOf, virtualResource } from "./node-resource.ts";
import type { Pending } from "./pending/pending.ts";
import { readPlaceholder } from "./placeholders/placeholders.ts";
import type { DeliverOptions, Delivery, OpenFile, PlainLink, VfsOptions } from "./resource.ts";
import { entryOf } from "./tree/tree.ts";

/** How often a file is opened that changes each time before its bytes are there. */
const OPENINGS = 3;

/** The file that was opened is another by now, and nothing of it was read; it is worth being opened again. */
class ChangedError extends StorageError {
  constructor(path: string, cause: unknown) {
    super("unavailable", `${path} has changed while it was opened`, { path, retryable: true, cause });
  }
}

/** Opens and reads once more, with what is known then, where the file changed between the two. `run` must have sent nothing when `read` throws. */
export async function onChangedAgain<T>(run: () => Promise<T>): Promise<T> {
  for (let opening = 1; ; opening++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof ChangedError) || opening === OPENINGS) throw error;
    }
  }
}

/** What a link may be bound to, in words. */
const NEEDS: Readonly<Record<string, string>> = {
  "user-agent": "this server's user agent",
  "client-ip": "this server's address",
  cookie: "a login's cookie",
};

export class Reading {
  readonly #lookup: Lookup;
  readonly #listings: Listings;
  readonly #pending: Pick<Pending, "read">;
  readonly #isRerouted: (host: string) => boolean;

  constructor(
    lookup: Lookup,
    listings: Listings,
    pending: Pick<Pending, "read">,
    isRerouted: (host: string) => boolean = () => false,
  ) {
    this.#pending = pending;
    this.#lookup = lookup;
    this.#listings = listings;
    this.#isRerouted = isRerouted;
  }

  async open(path: string, o: VfsOptions): Promise<OpenFile> {
    return this.openFound(await this.#findFile(path, o), o);
  }

  /** The file that was found, ready to be read. */
  openFound(found: FoundNode, o: VfsOptions): OpenFile {
    return { resource: resourceOf(found), read: (range) => this.#read(found, range, o) };
  }

  async deliver(path: string, o: DeliverOptions): Promise<Delivery> {
    const found = await this.#findFile(path, o);
    const { storage, node } = found;
    const mayRedirect = decideDelivery({
      link: { boundTo: [] },
      policy: storage.delivery,
      method: o.method,
      userAgent: o.client.userAgent,
      size: node.size,
      pending: node.pending,
    });
    // A link costs an upstream call: it is made only where it could be handed on.
    if (mayRedirect === "proxy" || !(await storage.mount()).link) return { kind: "proxy", ...this.openFound(found, o) };
    const link = await storage.using("link", (mount) =>
      mount.link!(entryOf(node), { purpose: "redirect", ...o.client }, o),
    );
    const question = { policy: storage.delivery, method: o.method, userAgent: o.client.userAgent, size: node.size };
    const isRerouted = this.#isRerouted(new URL(link.url).host);
    if (decideDelivery({ ...question, link, pending: node.pending, isRerouted }) === "proxy") {
      await link.release?.();
      return { kind: "proxy", ...this.openFound(found, o) };
    }
    return { kind: "redirect", resource: resourceOf(found), url: link.url, expiresAt: link.expiresAt };
  }

  /** A link that any client can fetch as it is. Throws `unsupported` with the reason where there is none. */
  async link(path: string, o: VfsOptions): Promise<PlainLink> {
    const found = await this.#findFile(path, o);
    const { storage, node } = found;
    await storage.mount();
    if (node.pending || !storage.capabilities?.link) {
      const why = node.pending
        ? "it is not at the storage yet"
        : "the storage gives no links: its bytes come through this server";
      throw new StorageError("unsupported", `${path} has no direct link: ${why}`, { path });
    }
    const { url, expiresAt, headers, boundTo, release } = await storage.using("link", (mount) =>
      mount.link!(entryOf(node), { purpose: "redirect" }, o),
    );
    const needs = Object.keys(headers ?? {}).length > 0 ? "headers that only this server may send" : boundTo[0];
    if (needs === undefined) return { url, ...(expiresAt !== undefined && { expiresAt }) };
    await release?.();
    throw new StorageError(
      "unsupported",
      `${path} has no direct link: the storage's asks for ${NEEDS[needs] ?? needs}`,
      {
        path,
      },
    );
  }

  async #findFile(path: string, o: VfsOptions): Promise<FoundNode> {
    const found = await this.#lookup.find(path, o);
    if (!found.storage || found.node.kind === "directory") {
      const { path: at } = found.storage ? resourceOf(found) : virtualResource(found.path, undefined);
      throw new StorageError("is-a-directory", `${at} is a directory`, { path: at });
    }
    return found;
  }

  async #read(found: FoundNode, range: ByteRange | undefined, o: VfsOptions): Promise<Readable> {
    const { storage, node } = found;
    if (node.pending) {
      const waiting = await this.#pending.read(found, range);
      if (waiting) return waiting;
      const content = await readPlaceholder(found, range);
      if (!content) throw new ChangedError(found.path, undefined);
      return Readable.from(content.length === 0 ? [] : [content], { objectMode: false });
    }
    try {
      return await storage.using("read", (mount) => mount.read!(entryOf(node), range, o));
    } catch (error) {
      const kind = kindOf(error);
      if (!found.parent || (kind !== "not-found" && kind !== "precondition-failed")) throw error;
      // Where asking costs nothing, whoever opens the file again asks anyway.
      if (kind === "precondition-failed" && storage.traits.cheapStat) throw new ChangedError(found.path, error);
      return this.#readAfterRelisting(found, range, o, error);
    }
  }

  /** A file that the storage does not find any more, or finds changed: its directory is listed once, and what is there now is read (architecture.md §5). */
  async #readAfterRelisting(
    found: FoundNode,
    range: ByteRange | undefined,
    o: VfsOptions,
    error: unknown,
  ): Promise<Readable> {
    const { storage, parent, node } = found;
    await this.#listings.refresh(storage, parent!, o.signal, o.priority);
    const now = storage.tree.lookup(parent!, node.name);
    if (now?.kind !== "file") throw notFound(found.path);
    // Headers that tell of the old content may be out: only the same content may follow them.
    if (now.size !== node.size || now.version !== node.version) throw new ChangedError(found.path, error);
    try {
      return await storage.using("read", (mount) => mount.read!(entryOf(now), range, o));
    } catch (again) {
      if (kindOf(again) !== "precondition-failed") throw again;
      // The caller has made no condition that could have failed.
      throw new StorageError("upstream", `${found.path} is listed otherwise than the storage sends it`, {
        path: found.path,
        cause: again,
      });
    }
  }
}
