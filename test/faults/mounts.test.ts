/** A fault at every driver call in turn, under the layers: what is stored is old or new, whole, and a failure is never another answer. */
import { describe, expect, it } from "vitest";
import { kindOf, StorageError } from "#drivers/contract/errors.ts";
import type { Entry, Mount } from "#drivers/contract/mount.ts";
import { openLocalFolder } from "#test/contract/local-folder.ts";
import { DUPLICATING, openMemory, REFUSING, SUFFIXING } from "#test/contract/memory-storage.ts";
import type { MountSuite } from "#test/contract/mount-under-test.ts";
import { calm } from "#test/contract/steps.ts";
import { layered } from "#test/contract/under-stack.ts";
import { pseudoRandomBytes } from "#test/support/pseudo-random.ts";
import { digestOf, sourceOf } from "#test/support/upload-source.ts";
import { type Chaos, createChaos } from "./chaos.ts";
import { type FaultyRun, faultAtEveryCall } from "./fault-at-every-call.ts";

const OLD = pseudoRandomBytes(70_000, 1);
const NEW = pseudoRandomBytes(90_000, 2);

const STORAGES: readonly { readonly storage: string; readonly open: MountSuite["open"] }[] = [
  { storage: "memory", open: openMemory() },
  { storage: "memory that duplicates names", open: openMemory(DUPLICATING) },
  { storage: "memory that refuses taken names", open: openMemory(REFUSING) },
  { storage: "memory that suffixes taken names", open: openMemory(SUFFIXING) },
  { storage: "local", open: openLocalFolder },
];

/** What a scenario saw, and what the storage holds when it is healthy again. */
interface Seen {
  readonly told: unknown;
  readonly remains: Readonly<Record<string, string>>;
}

/** Runs `act` under the layers on a storage that holds `kept.bin`, and looks at what remains. */
const scenarioOn =
  (open: MountSuite["open"], act: (mount: Mount, root: Entry) => Promise<unknown>) =>
  async (chaos: Chaos): Promise<Seen> => {
    const opened = await open();
    try {
      const before = await opened.mount.root(calm());
      const old = sourceOf(OLD, { kind: "stream" });
      await opened.mount.upload!(before, "kept.bin", old, { ...calm(), conflict: "fail" });
      const mount = layered(chaos.layer(opened.mount), opened.traits);
      let told: unknown;
      try {
        told = await act(mount, await mount.root(calm()));
      } catch (error) {
        told = error;
      }
      return { told, remains: await contents(opened.mount, before) };
    } finally {
      await opened.dispose();
    }
  };

describe.each(STORAGES)("a fault at every driver call of $storage under the stack", ({ open }) => {
  const scenario = (act: (mount: Mount, root: Entry) => Promise<unknown>) => scenarioOn(open, act);

  it("lists everything or fails with that fault, and never gives an empty answer (architecture.md §1)", async () => {
    const list = scenario(async (mount, root) => {
      const names: string[] = [];
      for await (const page of mount.list(root, calm())) names.push(...page.map(({ name }) => name));
      return names;
    });
    const points = await faultAtEveryCall(list, ({ error, outcome, clean }) => {
      expect(clean.told).toEqual(["kept.bin"]);
      expect(seenBy(outcome).told).toMatchObject({ name: "StorageError", kind: error.kind, message: error.message });
    });
    expect(points.map(({ operation }) => operation)).toEqual(["root", "list", "list"]);
  });

  it("replaces a file, or fails and leaves the old or the new one whole under the name (architecture.md §3, Replace)", async () => {
    const replace = scenario((mount, root) =>
      mount.upload!(root, "kept.bin", sourceOf(NEW), { ...calm(), conflict: "replace" }),
    );
    await faultAtEveryCall(replace, (run) => {
      const { told, remains } = seenBy(run.outcome);
      const under = (content: Buffer) => digestOf(content, "sha1");
      expect(run.clean.remains).toEqual({ "kept.bin": under(NEW) });
      const contentsNow = Object.values(remains);
      expect(contentsNow.every((sha1) => sha1 === under(OLD) || sha1 === under(NEW))).toBe(true);
      if (told instanceof StorageError) expect(contentsNow.length).toBeGreaterThan(0);
      else expect(remains["kept.bin"]).toBe(under(NEW));
    });
  });

  it("moves, or fails and leaves the file whole under one of both names", async () => {
    const move = scenario(async (mount, root) => {
      for await (const [file] of mount.list(root, calm())) {
        const [outcome] = await mount.move!([file!], root, { ...calm(), conflict: "fail", name: "moved.bin" });
        if (outcome!.error) throw outcome!.error;
      }
    });
    await faultAtEveryCall(move, ({ outcome, clean }) => {
      expect(clean.remains).toEqual({ "moved.bin": digestOf(OLD, "sha1") });
      expect(Object.values(seenBy(outcome).remains)).toEqual([digestOf(OLD, "sha1")]);
    });
  });
});

describe.each(STORAGES.filter(({ storage }) => storage.includes("names")))("$storage under the stack", ({ open }) => {
  it("keeps the old file when one bit of the new one was stored wrong (architecture.md §3, Replace)", async () => {
    const replace = scenarioOn(open, (mount, root) =>
      mount.upload!(root, "kept.bin", sourceOf(NEW), { ...calm(), conflict: "replace" }),
    );
    const chaos = createChaos({ faults: [{ operation: "upload", flipsByte: 12_345 }] });
    const { told, remains } = await replace(chaos);
    expect(chaos.struck()).toBe(1);
    expect(kindOf(told)).toBe("incomplete");
    expect(remains).toEqual({ "kept.bin": digestOf(OLD, "sha1") });
  });
});

function seenBy(outcome: FaultyRun<Seen>["outcome"]): Seen {
  if ("value" in outcome) return outcome.value;
  throw outcome.thrown;
}

/** SHA-1 by name of every file in a directory. */
async function contents(mount: Mount, directory: Entry): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const page of mount.list(directory, calm())) {
    for (const file of page) {
      const bytes = Buffer.concat(await (await mount.read!(file, undefined, calm())).toArray());
      found[file.name] = digestOf(bytes, "sha1");
    }
  }
  return found;
}
