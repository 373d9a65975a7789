/** The vfs as fronts see it: each call goes to the part that does it. */
import type { Usage } from "#drivers/contract/mount.ts";
import type { Capabilities } from "#drivers/contract/traits.ts";
import type { Storages, Vfs } from "./api.ts";
import type { Browsing } from "./browsing.ts";
import type { Changing } from "./changing.ts";
import type { Locks } from "./locks/locks.ts";
import type { MountTable } from "./mount-table.ts";
import type { PendingUploads } from "./pending/api.ts";
import type { Prepared } from "./prepared.ts";
import type { Properties } from "./properties/properties.ts";
import type { Reading } from "./reading.ts";
import type { Removing } from "./removing.ts";
import type { VfsOptions } from "./resource.ts";
import type { Crawling } from "./search/crawling.ts";
import type { NameIndex } from "./search/name-index.ts";
import type { Searching } from "./search/searching.ts";
import type { StorageAdministration } from "./storages.ts";
import type { Transferring } from "./transferring.ts";
import type { Trashing } from "./trashing.ts";
import type { Uploads } from "./uploads.ts";
import type { UsageCache } from "./usage-cache.ts";
import type { Writing } from "./writing.ts";

/** The parts that do what fronts ask for. */
export interface VfsPieces {
  readonly table: MountTable;
  readonly storages: StorageAdministration;
  readonly browsing: Browsing;
  readonly uploads: Uploads;
  readonly usage: UsageCache;
  readonly properties: Properties;
  readonly reading: Reading;
  readonly writing: Writing;
  readonly changing: Changing;
  readonly removing: Removing;
  readonly trashing: Trashing;
  readonly transferring: Transferring;
  readonly prepared: Prepared;
  readonly locks: Locks;
  readonly pending: PendingUploads;
  readonly searching: Searching;
  readonly crawling: Crawling;
  readonly nameIndex: NameIndex | undefined;
}

/** `closeAll` ends what the parts keep open, once no upload runs. */
export class JoinedVfs implements Vfs {
  readonly #parts: VfsPieces;
  readonly #closeAll: () => Promise<void>;
  readonly stat: Vfs["stat"];
  readonly list: Vfs["list"];
  readonly write: Vfs["write"];
  readonly gather: Vfs["gather"];
  readonly open: Vfs["open"];
  readonly deliver: Vfs["deliver"];
  readonly makeDirectory: Vfs["makeDirectory"];
  readonly remove: Vfs["remove"];
  readonly removeAll: Vfs["removeAll"];
  readonly trash: Vfs["trash"];
  readonly link: Vfs["link"];
  readonly move: Vfs["move"];
  readonly copy: Vfs["copy"];
  readonly way: Vfs["way"];
  readonly setModifiedAt: Vfs["setModifiedAt"];
  readonly patchProperties: Vfs["patchProperties"];
  readonly search: Vfs["search"];

  constructor(parts: VfsPieces, closeAll: () => Promise<void>) {
    this.#parts = parts;
    this.#closeAll = closeAll;
    const { browsing, reading, writing, changing, removing, trashing, transferring, properties, searching } = parts;
    this.search = (path, wanted, o) => searching.search(path, wanted, o);
    this.stat = (path, o) => browsing.stat(path, o);
    this.list = (path, o) => browsing.list(path, o);
    this.write = (path, source, o) => writing.write(path, source, o);
    this.gather = (path, size, o) => writing.gather(path, size, o);
    this.open = (path, o) => reading.open(path, o);
    this.deliver = (path, o) => reading.deliver(path, o);
    this.makeDirectory = (path, o) => changing.makeDirectory(path, o);
    this.remove = (path, o) => removing.remove(path, o);
    this.removeAll = (paths, o) => removing.removeAll(paths, o);
    this.trash = trashing;
    this.link = (path, o) => reading.link(path, o);
    this.move = (from, to, o) => transferring.move(from, to, o);
    this.copy = (from, to, o) => transferring.copy(from, to, o);
    this.way = (how, from, to) => transferring.way(how, from, to);
    this.setModifiedAt = (path, modifiedAt, o) => properties.patch(path, { modifiedAt }, o);
    this.patchProperties = (path, patch, o) => properties.patch(path, patch, o);
  }

  get prepared(): Vfs["prepared"] {
    return this.#parts.prepared;
  }

  get pending(): Vfs["pending"] {
    return this.#parts.pending;
  }

  get locks(): Vfs["locks"] {
    return this.#parts.locks;
  }

  get crawling(): Crawling {
    return this.#parts.crawling;
  }

  get nameIndex(): Vfs["nameIndex"] {
    return this.#parts.nameIndex;
  }

  get storages(): Storages {
    return this.#parts.storages;
  }

  async usage(path: string, o: VfsOptions): Promise<Usage | undefined> {
    const match = this.#parts.table.match(path);
    return match && this.#parts.usage.usage(match.storage, o);
  }

  capabilities(path: string): Capabilities | undefined {
    return this.#parts.table.match(path)?.storage.capabilities;
  }

  async close(signal: AbortSignal): Promise<void> {
    await this.#parts.uploads.settled("/", signal).catch(() => this.#parts.uploads.cancel("/"));
    await this.#closeAll();
  }
}
