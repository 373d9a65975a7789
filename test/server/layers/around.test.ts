import { describe, expect, it } from "vitest";
import { type Mount, OPERATIONS } from "#drivers/contract/mount.ts";
import { capabilitiesOf } from "#drivers/contract/traits.ts";
import { memoryJournal } from "#server/layers/journal.ts";
import { around } from "#server/layers/layer.ts";
import { systemClock } from "#server/upstream/clock.ts";
import { layersOf } from "#server/vfs/stack.ts";
import { call, FILE, mountOf, pagesOf, ROOT, TRAITS } from "./sample-mount.ts";

const everything = (): Mount => ({
  realm: "r",
  root: async () => ROOT,
  async *list() {},
  stat: async () => FILE,
  link: async () => ({ url: "http://h/", boundTo: [], acceptsRanges: true, reusable: true }),
  read: async () => Promise.reject(new Error("unused")),
  createDirectory: async () => ROOT,
  move: async () => [],
  copy: async () => [],
  remove: async () => [],
  upload: async () => FILE,
  abandonUpload: async () => {},
  setModifiedAt: async () => FILE,
  receive: async () => [],
  thumbnailLink: async () => ({ url: "http://h/", boundTo: [], acceptsRanges: true, reusable: true }),
  usage: async () => ({}),
  watch() {},
  trash: {} as NonNullable<Mount["trash"]>,
  offline: {} as NonNullable<Mount["offline"]>,
  close: async () => {},
});

const layers = (traits = TRAITS) =>
  layersOf({
    traits,
    mountPath: "/m",
    clock: systemClock,
    recorder: { begun() {}, ended() {} },
    journal: memoryJournal(),
    random: (n) => new Uint8Array(n),
    bytes: () => {
      throw new Error("no bytes here");
    },
  });

describe("around", () => {
  it("hands the reason of an abort through, unwrapped", async () => {
    const { o, abort } = call();
    const reason = new Error("left");
    abort(reason);
    const mount = around(mountOf({ root: async (inner) => inner.signal.throwIfAborted() as never }), {
      call: (_call, next) => next(),
    });
    await expect(mount.root(o)).rejects.toBe(reason);
  });

  it("rejects instead of throwing when a driver throws at once", async () => {
    const failure = new Error("at once");
    const mount = around(
      mountOf({
        root() {
          throw failure;
        },
      }),
      {},
    );
    const promise = mount.root(call().o);
    await expect(promise).rejects.toBe(failure);
  });

  it("keeps what a method calls `this`", async () => {
    class Driver {
      readonly #root = ROOT;
      async root() {
        return this.#root;
      }
      async *list() {
        yield [this.#root];
      }
    }
    const mount = around(new Driver(), { call: (_call, next) => next() });
    expect(await mount.root(call().o)).toBe(ROOT);
    expect(await pagesOf(mount.list(ROOT, call().o))).toEqual([[ROOT]]);
  });
});

describe("every layer", () => {
  it.each(layers().map(({ name, layer }) => [name, layer] as const))(
    "%s forwards the methods present and adds none (layer.ts, around)",
    (name, layer) => {
      const full = layer(everything());
      for (const operation of OPERATIONS) expect(full[operation], operation).toBeTypeOf("function");
      expect(full).toMatchObject({ realm: "r", trash: {}, offline: {} });
      expect([full.watch, full.close].every((method) => typeof method === "function")).toBe(true);
      const bare = layer(mountOf());
      expect(Object.keys(bare).sort(), name).toEqual(["list", "root"]);
      expect(capabilitiesOf(bare, TRAITS)).toEqual(capabilitiesOf(mountOf(), TRAITS));
    },
  );

  it("only complete adds one: `read`, where a driver has `link` (architecture.md §3)", () => {
    const linkOnly = () => mountOf({ link: everything().link! });
    const added = layers().filter(({ layer }) => layer(linkOnly()).read !== undefined);
    expect(added.map(({ name }) => name)).toEqual(["complete"]);
  });
});
