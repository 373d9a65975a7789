/**
 * A storage for tests that takes files in parts, as object stores do, and keeps all of it in a folder, so that it outlives the process. Named in
 * PANDAV_DRIVERS or handed to a vfs. What it did is in `.control/log`; files in `.control` make it wait, lie or refuse.
 */
import { createHash, randomUUID } from "node:crypto";
import { appendFileSync, createReadStream, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { defineDriver } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions, Entry, Mount, MoveOptions, UploadOptions, UploadSource } from "#drivers/contract/mount.ts";
import { numberedName } from "#drivers/kit/names.ts";

/** What a test can make the storage do, by a file of that name. */
export type Control =
  /** Its content is a number of parts: once that many are stored, the next waits until the file is gone. */
  | "hold-after"
  /** Its content is a number of milliseconds: after the last part, the storage is silent for up to so long. */
  | "slow-confirm"
  /** Parts are refused: `quota-exceeded`. */
  | "full"
  /** The first byte of what is stored is another one. */
  | "corrupt-stored"
  /** The first byte of what is read is another one. */
  | "corrupt-read"
  /** Its content is a number of milliseconds: every read waits so long before each 64 KiB. */
  | "slow-read";

const settings = z.object({
  root: z.string().meta({ title: "Folder", description: "Where everything is kept." }),
  partBytes: z.number().default(1024).meta({ title: "Part", description: "Bytes of one part." }),
});
type Settings = z.output<typeof settings>;

interface State {
  readonly id: string;
}

class Folder {
  readonly #o: Settings;

  constructor(o: Settings) {
    this.#o = o;
    mkdirSync(this.at(".control"), { recursive: true });
  }

  at(...segments: string[]): string {
    return join(this.#o.root, ...segments);
  }

  control(name: Control): string | undefined {
    const path = this.at(".control", name);
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  }

  log(line: string): void {
    appendFileSync(this.at(".control", "log"), `${line}\n`);
  }

  async entry(id: string): Promise<Entry> {
    const found = await stat(this.at(id)).catch(() => {
      throw new StorageError("not-found", `there is no ${id}`);
    });
    const name = id.slice(id.lastIndexOf("/") + 1);
    if (found.isDirectory()) return { id, name, kind: "directory", modifiedAt: found.mtimeMs };
    const sha1 = createHash("sha1")
      .update(await readFile(this.at(id)))
      .digest("hex");
    const facts = { size: found.size, modifiedAt: found.mtimeMs, version: `${found.ino}-${found.mtimeMs}` };
    return { id, name, kind: "file", ...facts, hashes: { sha1 } };
  }

  async upload(parent: Entry, name: string, source: UploadSource, o: UploadOptions): Promise<Entry> {
    const known = (await o.checkpoint?.load()) as unknown as State | undefined;
    const id = known && existsSync(this.at(".control", known.id)) ? known.id : await this.#begin(name, o);
    const stored = new Set(readdirSync(this.at(".control", id)).filter((part) => !part.endsWith(".new")));
    const size = source.size ?? 0;
    const count = Math.max(1, Math.ceil(size / this.#o.partBytes));
    o.onProgress?.(Math.min(size, stored.size * this.#o.partBytes));
    for (let n = 0; n < count; n++) {
      if (stored.has(String(n))) continue;
      await this.#waitToStore(stored.size, o);
      const offset = n * this.#o.partBytes;
      const part = await buffer(await source.open({ offset, length: this.#o.partBytes }));
      await writeFile(this.at(".control", id, `${n}.new`), part);
      await rename(this.at(".control", id, `${n}.new`), this.at(".control", id, String(n)));
      stored.add(String(n));
      this.log(`part ${n}`);
      o.onProgress?.(Math.min(size, offset + part.length));
    }
    o.signal.throwIfAborted();
    const silentMs = Math.random() * Number(this.control("slow-confirm") ?? 0);
    await sleep(silentMs, undefined, { signal: o.signal }).catch(() => o.signal.throwIfAborted());
    return this.#confirm(parent, name, id, count, o);
  }

  /** One entry, in one step. */
  async move(entry: Entry, parent: Entry, { name = entry.name, conflict }: MoveOptions): Promise<Entry> {
    const id = parent.id === "" ? name : `${parent.id}/${name}`;
    if (existsSync(this.at(id)) && conflict !== "replace") throw new StorageError("already-exists", `${id} is there`);
    await rename(this.at(entry.id), this.at(id)).catch(() => {
      throw new StorageError("not-found", `there is no ${entry.id}`);
    });
    return this.entry(id);
  }

  async abandon(state: State): Promise<void> {
    await rm(this.at(".control", state.id), { recursive: true, force: true });
    this.log("abandon");
  }

  async #begin(name: string, o: UploadOptions): Promise<string> {
    const id = `upload-${randomUUID()}`;
    // Before the storage has anything, so that a kill leaves nothing that nobody knows of.
    await o.checkpoint?.save({ id });
    await mkdir(this.at(".control", id));
    this.log(`begin ${name}`);
    return id;
  }

  async #waitToStore(stored: number, { signal }: CallOptions): Promise<void> {
    while (stored >= Number(this.control("hold-after") ?? Number.POSITIVE_INFINITY)) {
      await sleep(10, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
    signal.throwIfAborted();
    if (this.control("full") !== undefined) throw new StorageError("quota-exceeded", "the storage is full");
  }

  async #confirm(parent: Entry, name: string, id: string, count: number, o: UploadOptions): Promise<Entry> {
    const parts = await Promise.all(
      Array.from({ length: count }, (_, n) => readFile(this.at(".control", id, String(n)))),
    );
    const content = Buffer.concat(parts);
    if (this.control("corrupt-stored") !== undefined) content[0] = ~content[0]!;
    let final = name;
    for (let n = 1; o.conflict === "rename" && existsSync(this.at(parent.id, final)); n++)
      final = numberedName(name, n, "file");
    if (o.conflict === "fail" && existsSync(this.at(parent.id, final)))
      throw new StorageError("already-exists", "taken");
    await writeFile(this.at(".control", id, "whole"), content);
    await rename(this.at(".control", id, "whole"), this.at(parent.id, final));
    await rm(this.at(".control", id), { recursive: true });
    this.log(`confirm ${final}`);
    return this.entry(parent.id === "" ? final : `${parent.id}/${final}`);
  }
}

function mountOf(folder: Folder): Mount {
  return {
    root: () => folder.entry(""),
    async *list(directory) {
      const names = await readdir(folder.at(directory.id));
      const visible = names.filter((name) => name !== ".control");
      yield await Promise.all(
        visible.map((name) => folder.entry(directory.id === "" ? name : `${directory.id}/${name}`)),
      );
    },
    async read(file, range) {
      const { size } = await stat(folder.at(file.id));
      const start = range?.offset ?? 0;
      const end = Math.min(size, range?.length === undefined ? size : start + range.length);
      folder.log(`read ${start}-${end}`);
      const out = new PassThrough();
      void (async () => {
        let first = true;
        if (end > start)
          for await (const chunk of createReadStream(folder.at(file.id), {
            start,
            end: end - 1,
            highWaterMark: 65_536,
          })) {
            const bytes = chunk as Buffer;
            if (first && folder.control("corrupt-read") !== undefined) bytes[0] = ~bytes[0]!;
            first = false;
            if (out.destroyed) return;
            if (!out.write(bytes)) await new Promise((resolve) => out.once("drain", resolve).once("close", resolve));
            await sleep(Number(folder.control("slow-read") ?? 0));
          }
        out.end();
      })().catch((error: Error) => out.destroy(error));
      return out;
    },
    async createDirectory(parent, name) {
      await mkdir(folder.at(parent.id, name));
      return folder.entry(parent.id === "" ? name : `${parent.id}/${name}`);
    },
    async move(entries, parent, o) {
      return Promise.all(entries.map(async (entry) => ({ entry: await folder.move(entry, parent, o) })));
    },
    async remove(entries) {
      for (const { id } of entries) await rm(folder.at(id), { recursive: true });
      return entries.map(() => ({}));
    },
    upload: (parent, name, source, o) => folder.upload(parent, name, source, o),
    abandonUpload: (state) => folder.abandon(state as unknown as State),
  };
}

export const parts = defineDriver({
  id: "parts",
  title: "Parts",
  aliases: [],
  settings,
  traits: {
    ids: "path",
    names: {},
    hashes: ["sha1"],
    modifiedAtPrecisionMs: 1,
    upload: { source: "seekable", size: "required" },
    replace: "atomic",
    collision: "error",
    freshness: 0,
  },
  open: async (o) => mountOf(new Folder(o)),
});

/** What PANDAV_DRIVERS asks a module for. */
export const drivers = [parts];

/** The hand of a test on such a storage. */
export class PartsControl {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
    mkdirSync(join(root, ".control"), { recursive: true });
  }

  /** All that the storage did, oldest first. */
  log(): readonly string[] {
    const path = join(this.root, ".control", "log");
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  }

  async set(control: Control, content = ""): Promise<void> {
    await writeFile(join(this.root, ".control", control), content);
  }

  async clear(control: Control): Promise<void> {
    await rm(join(this.root, ".control", control), { force: true });
  }

  /** Resolves when the log holds a line; fails after `withinMs`. */
  async until(line: string, withinMs = 15_000): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (!this.log().includes(line)) {
      if (Date.now() > deadline) throw new Error(`the storage has not done "${line}": ${this.log().join(", ")}`);
      await sleep(10);
    }
  }
}
