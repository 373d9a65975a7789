/** A driver in a package of its own: a read-only shelf of poems. Named in PANDAV_DRIVERS, with no file of Pandav edited. */
import { Readable } from "node:stream";
import { z } from "zod";

const MODIFIED_AT = Date.UTC(2024, 0, 1);
const SHELF = {
  李白: { "静夜思.txt": "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n", "empty.txt": "" },
  王维: { "鹿柴.txt": "空山不见人，但闻人语响。\n返景入深林，复照青苔上。\n" },
  "README.md": "# Poems\n\nOne folder per poet.\n",
};

/** Pandav knows such an error by its name and kind. */
const failure = (kind, message) => Object.assign(new Error(message), { name: "StorageError", kind, retryable: false });

const entryOf = (id, value) => {
  const entry = { id, name: id.slice(id.lastIndexOf("/") + 1), modifiedAt: MODIFIED_AT };
  if (typeof value !== "string") return { ...entry, kind: "directory" };
  return { ...entry, kind: "file", size: Buffer.byteLength(value) };
};

const find = (id) => {
  let value = SHELF;
  for (const name of id === "" ? [] : id.split("/")) {
    value = typeof value === "object" && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  if (value === undefined) throw failure("not-found", `there is no poem ${id}`);
  return value;
};

const mount = {
  async root({ signal }) {
    signal.throwIfAborted();
    return entryOf("", SHELF);
  },
  async *list({ id }, { signal }) {
    signal.throwIfAborted();
    const value = find(id);
    if (typeof value === "string") throw failure("not-a-directory", `${id} is a poem`);
    yield Object.entries(value).map(([name, child]) => entryOf(id === "" ? name : `${id}/${name}`, child));
    signal.throwIfAborted();
  },
  async read({ id }, range, { signal }) {
    signal.throwIfAborted();
    const value = find(id);
    if (typeof value !== "string") throw failure("is-a-directory", `${id} holds poems`);
    const bytes = Buffer.from(value);
    if (range && range.offset >= bytes.length) throw failure("range-not-satisfiable", "the poem is shorter");
    const from = range?.offset ?? 0;
    return Readable.from([bytes.subarray(from, range?.length === undefined ? undefined : from + range.length)]);
  },
};

const names = {};
const traits = { ids: "path", names, hashes: [], modifiedAtPrecisionMs: 1, replace: "atomic", collision: "error" };
const settings = z.object({});
export const drivers = [{ id: "poems", title: "Poems", aliases: [], settings, traits, open: async () => mount }];
