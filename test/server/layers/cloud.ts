/** A service with ids that cannot replace, whose calls can be made to fail: for tests of the emulated replace. */
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Entry, Mount } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";

export const CLOUD_TRAITS: Traits = {
  ids: "stable",
  names: {},
  hashes: [],
  replace: "emulated",
  collision: "error",
  upload: { source: "stream", size: "required" },
};

interface Stored {
  readonly id: string;
  parent: string;
  name: string;
  kind: Entry["kind"];
  body: string;
}

export interface Cloud {
  readonly mount: Mount;
  readonly root: Entry;
  readonly entries: Stored[];
  /** Calls in order: `upload a.txt`, `remove id`, `move id name`, `list`. */
  readonly calls: string[];
  /** Called before each call does anything; what it throws fails it. */
  before: (call: string) => void | Promise<void>;
  /** Called after each call did it; what it throws is all that the caller hears. */
  after: (call: string) => void;
  add(name: string, body: string, kind?: Entry["kind"], parent?: string): Entry;
  /** `name: body` of a directory, sorted. */
  content(parent?: string): string[];
}

export function createCloud(): Cloud {
  let last = 0;
  const entryOf = ({ id, name, kind, body }: Stored): Entry => ({
    id,
    name,
    kind,
    ...(kind === "file" && { size: body.length }),
  });
  const freeName = (parent: string, name: string) => {
    if (cloud.entries.some((one) => one.parent === parent && one.name === name)) {
      throw new StorageError("already-exists", name);
    }
  };
  const doing = async <T>(what: string, act: () => T | Promise<T>): Promise<T> => {
    cloud.calls.push(what);
    await cloud.before(what);
    const result = await act();
    cloud.after(what);
    return result;
  };
  const cloud: Cloud = {
    root: { id: "0", name: "", kind: "directory" },
    entries: [],
    calls: [],
    before() {},
    after() {},
    add(name, body, kind = "file", parent = "0") {
      last += 1;
      const stored: Stored = { id: `i${last}`, parent, name, kind, body };
      cloud.entries.push(stored);
      return entryOf(stored);
    },
    content: (parent = "0") =>
      cloud.entries
        .filter((one) => one.parent === parent)
        .map((one) => `${one.name}: ${one.body}`)
        .sort(),
    mount: {
      root: async () => cloud.root,
      async *list(directory) {
        yield await doing("list", () => cloud.entries.filter((one) => one.parent === directory.id).map(entryOf));
      },
      upload: (parent, name, source) =>
        doing(`upload ${name}`, async () => {
          freeName(parent.id, name);
          const body = String(await buffer((await source.open()) as Readable));
          return cloud.add(name, body, "file", parent.id);
        }),
      move: async (entries, parent, o) =>
        Promise.all(
          entries.map((entry) =>
            doing(`move ${entry.id} ${o.name ?? entry.name}`, () => {
              freeName(parent.id, o.name ?? entry.name);
              const stored = cloud.entries.find((one) => one.id === entry.id);
              if (!stored) throw new StorageError("not-found", entry.name);
              stored.parent = parent.id;
              stored.name = o.name ?? entry.name;
              return { entry: entryOf(stored) };
            }),
          ),
        ),
      copy: async (entries, parent, o) =>
        Promise.all(
          entries.map((entry) =>
            doing(`copy ${entry.id}`, () => {
              freeName(parent.id, o.name ?? entry.name);
              const stored = cloud.entries.find((one) => one.id === entry.id);
              if (!stored) throw new StorageError("not-found", entry.name);
              return { entry: cloud.add(o.name ?? entry.name, stored.body, stored.kind, parent.id) };
            }),
          ),
        ),
      remove: async (entries) =>
        Promise.all(
          entries.map((entry) =>
            doing(`remove ${entry.id}`, () => {
              const at = cloud.entries.findIndex((one) => one.id === entry.id);
              if (at < 0) throw new StorageError("not-found", entry.name);
              cloud.entries.splice(at, 1);
              return {};
            }),
          ),
        ),
    },
  };
  return cloud;
}
