import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { type ErrorKind, StorageError } from "#drivers/contract/errors.ts";
import type { Entry, Mount, UploadSource } from "#drivers/contract/mount.ts";
import type { Traits } from "#drivers/contract/traits.ts";
import { check } from "#server/layers/check.ts";
import { call, FILE, mountOf, pagesOf, ROOT, TRAITS } from "./sample-mount.ts";

const DIRECTORY: Entry = { id: "d", name: "d", kind: "directory" };
const source = (over: Partial<UploadSource> = {}): UploadSource => ({
  size: 3,
  hashes: {},
  kind: "seekable",
  open: async () => Readable.from([]),
  digest: async () => "",
  ...over,
});

/** A mount that counts what reaches it. */
function checked(traits: Partial<Traits> = {}, parts: Partial<Mount> = {}) {
  const reached: string[] = [];
  const note =
    <T>(name: string, value: T) =>
    async () => {
      reached.push(name);
      return value;
    };
  const mount = check({ ...TRAITS, ...traits })(
    mountOf({
      link: note("link", { url: "https://h/x", boundTo: [], acceptsRanges: true, reusable: true }),
      read: note("read", Readable.from([])),
      createDirectory: note("createDirectory", DIRECTORY),
      move: note("move", [{}]),
      copy: note("copy", [{}]),
      remove: note("remove", [{}]),
      upload: note("upload", FILE),
      ...parts,
    }),
  );
  return { mount, reached };
}

const MB = 2 ** 20;
type Attempt = (mount: Mount) => Promise<unknown>;
const o = call().o;
const fail = { ...o, conflict: "fail" } as const;
const REFUSED: [string, ErrorKind, Partial<Traits>, Attempt][] = [
  ["a listing of a file", "not-a-directory", {}, (m) => pagesOf(m.list(FILE, o))],
  ["reading a directory", "is-a-directory", {}, (m) => m.read!(DIRECTORY, undefined, o)],
  ["a link to a directory", "is-a-directory", {}, (m) => m.link!(DIRECTORY, { purpose: "proxy" }, o)],
  ["a negative offset", "range-not-satisfiable", {}, (m) => m.read!(FILE, { offset: -1 }, o)],
  ["half a byte", "range-not-satisfiable", {}, (m) => m.read!(FILE, { offset: 0, length: 0.5 }, o)],
  ["an empty name", "invalid-name", {}, (m) => m.createDirectory!(ROOT, "", o)],
  ["a name with a slash", "invalid-name", {}, (m) => m.createDirectory!(ROOT, "a/b", o)],
  ["the name ..", "invalid-name", {}, (m) => m.upload!(ROOT, "..", source(), fail)],
  ["a name with NUL", "invalid-name", {}, (m) => m.move!([FILE], ROOT, { ...fail, name: "a\0" })],
  [
    "a name over the service's bytes",
    "invalid-name",
    { names: { maxBytes: 4 } },
    (m) => m.createDirectory!(ROOT, "中文", o),
  ],
  [
    "a name over its characters",
    "invalid-name",
    { names: { maxCharacters: 2 } },
    (m) => m.createDirectory!(ROOT, "abc", o),
  ],
  ["a forbidden character", "invalid-name", { names: { forbidden: '?"' } }, (m) => m.createDirectory!(ROOT, "a?", o)],
  [
    "a trailing dot",
    "invalid-name",
    { names: { noTrailingDotOrSpace: true } },
    (m) => m.createDirectory!(ROOT, "a.", o),
  ],
  ["uploading into a file", "not-a-directory", {}, (m) => m.upload!(FILE, "x", source(), fail)],
  [
    "a file over the limit",
    "too-large",
    { maxFileSize: MB },
    (m) => m.upload!(ROOT, "x", source({ size: MB + 1 }), fail),
  ],
  [
    "an unknown size where it is needed",
    "unsupported",
    { upload: { source: "stream", size: "required" } },
    (m) => {
      const { size: _size, ...unsized } = source();
      return m.upload!(ROOT, "x", unsized, fail);
    },
  ],
  ["a directory moved into itself", "permission-denied", {}, (m) => m.move!([DIRECTORY], DIRECTORY, fail)],
  [
    "a directory copied below itself",
    "permission-denied",
    { ids: "path" },
    (m) => m.copy!([DIRECTORY], { id: "d/e", name: "e", kind: "directory" }, fail),
  ],
  ["one new name for two entries", "unsupported", {}, (m) => m.move!([FILE, FILE], ROOT, { ...fail, name: "x" })],
  ["the bin of a mount without one", "unsupported", {}, (m) => m.remove!([FILE], { ...o, mode: "trash" })],
];

describe("check", () => {
  it("makes no call for a caller that has already left", async () => {
    const { mount, reached } = checked();
    const { o: left, abort } = call();
    abort(new Error("left"));
    await expect(mount.createDirectory!(ROOT, "x", left)).rejects.toThrow("left");
    await expect(pagesOf(mount.list(ROOT, left))).rejects.toThrow("left");
    expect(reached).toEqual([]);
  });

  it.each(REFUSED)("refuses %s as %s, before the driver is asked", async (_what, kind, traits, attempt) => {
    const { mount, reached } = checked(traits);
    await expect(attempt(mount)).rejects.toMatchObject({ name: expect.stringMatching(/Error$/), kind });
    expect(reached).toEqual([]);
  });

  it("lets through what is right", async () => {
    const { mount, reached } = checked({ names: { maxBytes: 6, forbidden: "?" } });
    await mount.createDirectory!(ROOT, "中文", o);
    await mount.upload!(ROOT, "x", source(), fail);
    await mount.move!([DIRECTORY], ROOT, { ...fail, name: "e" });
    expect(reached).toEqual(["createDirectory", "upload", "move"]);
  });

  const odd = (entry: object) => ({ ...FILE, ...entry }) as Entry;
  const ANSWERS: [string, Partial<Mount>, Attempt][] = [
    ["an entry without a name", { upload: async () => odd({ name: "" }) }, (m) => m.upload!(ROOT, "x", source(), fail)],
    ["a size of half a byte", { stat: async () => odd({ size: 1.5 }) }, (m) => m.stat!(["x"], o)],
    ["a negative size", { stat: async () => odd({ size: -1 }) }, (m) => m.stat!(["x"], o)],
    ["nothing at all", { stat: async () => undefined as never }, (m) => m.stat!(["x"], o)],
    ["a kind of its own", { stat: async () => odd({ kind: "link" }) }, (m) => m.stat!(["x"], o)],
    ["too few outcomes", { move: async () => [] }, (m) => m.move!([FILE], ROOT, fail)],
    [
      "a link without an address",
      { link: async () => ({ url: "" }) as never },
      (m) => m.link!(FILE, { purpose: "proxy" }, o),
    ],
    [
      "a page that is no array",
      {
        list: () =>
          (async function* () {
            yield {} as never;
          })(),
      },
      (m) => pagesOf(m.list(ROOT, o)),
    ],
    [
      "a page with a nameless entry",
      {
        list: () =>
          (async function* () {
            yield [odd({ name: "" })];
          })(),
      },
      (m) => pagesOf(m.list(ROOT, o)),
    ],
  ];
  it.each(ANSWERS)("turns a driver's answer of %s into `upstream`", async (_what, parts, attempt) => {
    const error = await attempt(checked({}, parts).mount).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StorageError);
    expect((error as StorageError).kind).toBe("upstream");
  });
});
