/** Every method before, during and after an abort (mount.ts, Mount). They come first, because they are what merged and repeated calls lose. */
import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import type { CallOptions, Entry } from "#drivers/contract/mount.ts";
import type { CaseContext, ContractCase, Facts } from "../mount-under-test.ts";
import {
  calm,
  contentOf,
  listAll,
  listed,
  makeDirectory,
  names,
  put,
  soon,
  sourceFor,
  walk,
  within,
} from "../steps.ts";
import { fileOf, isFillable, longestFile, standingTree, treeOf } from "../tree.ts";

/** A call, made ready so that only the call itself happens under the signal. */
interface Abortable {
  readonly said: string;
  concerns(facts: Facts): boolean;
  prepare(c: CaseContext): Promise<(o: CallOptions) => Promise<unknown>>;
}

const hasTree = (facts: Facts) => treeOf(facts).length > 0;
/** How many turns of the event loop a call runs before its signal aborts. */
const TURNS = [0, 1, 3];

const canReplaceNothing = { conflict: "fail" as const };

const CALLS: readonly Abortable[] = [
  { said: "root", concerns: () => true, prepare: async (c) => (o) => c.mount.root(o) },
  {
    said: "list",
    concerns: hasTree,
    async prepare(c) {
      const root = await c.mount.root(calm());
      return async (o) => {
        for await (const page of c.mount.list(root, o)) expect(page).toBeInstanceOf(Array);
      };
    },
  },
  {
    said: "stat",
    concerns: (facts) => facts.can.stat && hasTree(facts),
    prepare: async (c) => (o) => c.mount.stat!(treeOf(c)[0]!.path, o),
  },
  {
    said: "read",
    concerns: (facts) => facts.readsItself && fileOf(treeOf(facts), 1) !== undefined,
    async prepare(c) {
      const file = await walk(c, longestFile(treeOf(c))!.path);
      return async (o) => {
        for await (const piece of await c.mount.read!(file, undefined, o)) expect(piece.length).toBeGreaterThan(0);
      };
    },
  },
  {
    said: "link",
    concerns: (facts) => facts.can.link && fileOf(treeOf(facts), 1) !== undefined,
    async prepare(c) {
      const file = await walk(c, fileOf(treeOf(c), 1)!.path);
      return (o) => c.mount.link!(file, { purpose: "proxy" }, o);
    },
  },
  {
    said: "createDirectory",
    concerns: ({ can }) => can.createDirectory,
    async prepare(c) {
      const root = await c.mount.root(calm());
      return (o) => c.mount.createDirectory!(root, "aborted", o);
    },
  },
  {
    said: "upload",
    concerns: ({ can }) => can.upload,
    async prepare(c) {
      const root = await c.mount.root(calm());
      return (o) =>
        c.mount.upload!(root, "aborted", sourceFor(c, new Uint8Array(300_000)), { ...o, ...canReplaceNothing });
    },
  },
  ...(["move", "copy"] as const).map(
    (verb): Abortable => ({
      said: verb,
      concerns: (facts) => facts.can[verb] && isFillable(facts) && facts.can.upload,
      async prepare(c) {
        const file = await walk(c, ["eighteen-bytes.txt"]);
        const root = await c.mount.root(calm());
        return (o) => c.mount[verb]!([file], root, { ...o, ...canReplaceNothing, name: "aborted" });
      },
    }),
  ),
  {
    said: "remove",
    concerns: (facts) => facts.can.remove && isFillable(facts),
    async prepare(c) {
      const file = await walk(c, ["eighteen-bytes.txt"]);
      return (o) => c.mount.remove!([file], { ...o, mode: "permanent" });
    },
  },
  {
    said: "setModifiedAt",
    concerns: (facts) => facts.can.setModifiedAt && isFillable(facts),
    async prepare(c) {
      const file = await walk(c, ["eighteen-bytes.txt"]);
      return (o) => c.mount.setModifiedAt!(file, 1_000_000_000_000, o);
    },
  },
  { said: "usage", concerns: ({ can }) => can.usage, prepare: async (c) => (o) => c.mount.usage!(o) },
];

export const abortCases: readonly ContractCase[] = CALLS.flatMap(({ said, concerns, prepare }): ContractCase[] => [
  {
    name: `${said}: a signal that is already aborted throws its reason, and nothing happens (mount.ts, Mount)`,
    concerns,
    async run(c) {
      await standingTree(c);
      const call = await prepare(c);
      const before = await snapshot(c);
      const reason = new Error("left before");
      await expect(soon(call({ signal: AbortSignal.abort(reason) }), `${said} under an aborted signal`)).rejects.toBe(
        reason,
      );
      expect(await snapshot(c)).toEqual(before);
    },
  },
  ...TURNS.map(
    (turns): ContractCase => ({
      name: `${said}: an abort ${turns} turns later throws the reason or comes too late, and the mount goes on working (mount.ts, Mount)`,
      concerns,
      async run(c) {
        await standingTree(c);
        const held = c.held?.();
        const call = await prepare(c);
        const controller = new AbortController();
        const reason = new Error("left on the way");
        const running = call({ signal: controller.signal }).then(
          () => "done",
          (error: unknown) => error,
        );
        for (let turn = 0; turn < turns; turn++) await setImmediate();
        controller.abort(reason);
        expect(["done", reason]).toContain(await soon(running, `the end of the aborted ${said}`));
        await within(5_000, () => expect(c.held?.()).toBe(held));
        await expectWorks(c);
      },
    }),
  ),
  {
    name: `${said}: an abort afterwards changes nothing`,
    concerns,
    async run(c) {
      await standingTree(c);
      const call = await prepare(c);
      const controller = new AbortController();
      await call({ signal: controller.signal });
      const after = await snapshot(c);
      controller.abort(new Error("left afterwards"));
      await setImmediate();
      expect(await snapshot(c)).toEqual(after);
      await expectWorks(c);
    },
  },
]);

async function snapshot(c: CaseContext): Promise<readonly Entry[]> {
  return (await listAll(c, await c.mount.root(calm()))).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The mount still lists, and where it can, stores and reads. */
async function expectWorks(c: CaseContext): Promise<void> {
  const root = await c.mount.root(calm());
  const before = await names(c, root);
  if (!c.can.upload || !c.can.remove) return;
  const name = `works-${before.length}.txt`;
  await put(c, root, name, "works");
  const file = await listed(c, root, name);
  if (c.can.read) expect((await contentOf(c, file)).toString()).toBe("works");
  await c.mount.remove!([file], { ...calm(), mode: "permanent" });
  if (c.can.createDirectory && !before.includes("aborted")) {
    const directory = await makeDirectory(c, root, "probe");
    await c.mount.remove!([directory], { ...calm(), mode: "permanent" });
  }
}
