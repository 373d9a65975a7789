import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { Entry, Mount } from "#drivers/contract/mount.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { testEnv } from "#test/drivers/env.ts";
import { sourceOf } from "#test/support/upload-source.ts";
import { type Chaos, type ChaosOptions, createChaos, describePoint, injected } from "./chaos.ts";
import { faultAtEveryCall } from "./fault-at-every-call.ts";

const calm = () => ({ signal: AbortSignal.timeout(10_000) });
const gone = injected("a test");

async function openWith(options: ChaosOptions): Promise<{ chaos: Chaos; mount: Mount; root: Entry }> {
  const driver = createMemoryDriver({ seed: { "a.txt": "aaaa", "b.txt": "bbbb", "c.txt": "cccc" } });
  const chaos = createChaos(options);
  const mount = chaos.layer(await driver.open(driver.settings.parse({ page_size: 1 }), testEnv(), calm()));
  return { chaos, mount, root: await mount.root(calm()) };
}

async function listed(mount: Mount, directory: Entry): Promise<string[]> {
  const names: string[] = [];
  for await (const page of mount.list(directory, calm())) names.push(...page.map(({ name }) => name));
  return names;
}

describe("chaos", () => {
  it("counts each call, and of a listing each page and its end", async () => {
    const { chaos, mount, root } = await openWith({});
    expect(await listed(mount, root)).toEqual(["a.txt", "b.txt", "c.txt"]);
    expect(chaos.points.map(describePoint)).toEqual([
      "root 1",
      "list 1, page 1",
      "list 1, page 2",
      "list 1, page 3",
      "list 1, page 4",
    ]);
    expect(chaos.struck()).toBe(0);
  });

  it("breaks the listing that is said at the page that is said, after the pages before it", async () => {
    const { mount, root } = await openWith({ faults: [{ operation: "list", call: 2, page: 2, fails: gone }] });
    expect(await listed(mount, root)).toHaveLength(3);
    const seen: string[] = [];
    await expect(async () => {
      for await (const page of mount.list(root, calm())) seen.push(...page.map(({ name }) => name));
    }).rejects.toBe(gone);
    expect(seen).toEqual(["a.txt"]);
    expect(await listed(mount, root)).toHaveLength(3);
  });

  it("breaks a listing after its last page", async () => {
    const { mount, root } = await openWith({ faults: [{ operation: "list", page: 4, fails: gone }] });
    await expect(listed(mount, root)).rejects.toBe(gone);
  });

  it("fails a call before anything happened, or after the storage did it", async () => {
    const { mount, root } = await openWith({
      faults: [
        { operation: "createDirectory", call: 1, fails: gone },
        { operation: "createDirectory", call: 2, fails: gone, when: "after" },
      ],
    });
    await expect(mount.createDirectory!(root, "before", calm())).rejects.toBe(gone);
    await expect(mount.createDirectory!(root, "after", calm())).rejects.toBe(gone);
    await mount.createDirectory!(root, "then", calm());
    expect((await listed(mount, root)).slice(3)).toEqual(["after", "then"]);
  });

  it("changes one bit of one stored byte", async () => {
    const { mount, root } = await openWith({ faults: [{ operation: "upload", flipsByte: 3 }] });
    const content = Buffer.from("content");
    const source = sourceOf(content, { kind: "stream" });
    const entry = await mount.upload!(root, "d.txt", source, { ...calm(), conflict: "fail" });
    const stored = await buffer(await mount.read!(entry, undefined, calm()));
    expect([...stored].map((byte, i) => byte ^ content[i]!)).toEqual([0, 0, 0, 1, 0, 0, 0]);
    expect(await source.digest("sha1")).not.toBe(entry.hashes?.sha1);
  });

  it("cuts a read short as if the file were no longer", async () => {
    const { mount, root } = await openWith({ faults: [{ operation: "read", cutsAfter: 2 }] });
    for await (const [file] of mount.list(root, calm())) {
      expect(await buffer(await mount.read!(file!, undefined, calm()))).toHaveLength(2);
    }
  });

  it("delays a call until the signal aborts, whose reason it throws", async () => {
    const { mount, root } = await openWith({ faults: [{ operation: "createDirectory", delayMs: 60_000 }] });
    const controller = new AbortController();
    const made = mount.createDirectory!(root, "late", { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(made).rejects.toBe(reason);
    expect(await listed(mount, root)).not.toContain("late");
  });

  it("fails the same calls for the same seed, and not more in a row than is said", async () => {
    const run = async (seed: number) => {
      const { chaos, mount, root } = await openWith({
        random: { seed, rate: 0.7, operations: ["list"], firstPageOnly: true, atMostInARow: 2 },
      });
      const ends: boolean[] = [];
      for (let i = 0; i < 40; i++)
        ends.push(
          await listed(mount, root).then(
            () => true,
            () => false,
          ),
        );
      expect(chaos.struck()).toBe(ends.filter((end) => !end).length);
      return ends.map(Number).join("");
    };
    const first = await run(7);
    expect(first).toBe(await run(7));
    expect(first).not.toBe(await run(8));
    expect(first).toMatch(/00/);
    expect(first).not.toMatch(/000/);
  });

  it("heals", async () => {
    const { chaos, mount, root } = await openWith({ faults: [{ operation: "list", fails: gone }] });
    await expect(listed(mount, root)).rejects.toBe(gone);
    chaos.heal();
    expect(await listed(mount, root)).toHaveLength(3);
  });

  it("adds no method to a mount that lacks it (architecture.md §3)", async () => {
    const { mount } = await openWith({});
    const driver = createMemoryDriver({ readOnly: true });
    const inner = await driver.open(driver.settings.parse({}), testEnv(), calm());
    expect(createChaos().layer(inner).upload).toBeUndefined();
    expect(mount.upload).toBeDefined();
  });
});

describe("faultAtEveryCall", () => {
  const scenario = async (chaos: Chaos): Promise<readonly string[]> => {
    const driver = createMemoryDriver({ seed: { "a.txt": "a" } });
    const mount = chaos.layer(await driver.open(driver.settings.parse({}), testEnv(), calm()));
    const root = await mount.root(calm());
    await mount.createDirectory!(root, "new", calm());
    return listed(mount, root);
  };

  it("fails every point once, before and after, and tells what came of it", async () => {
    const seen: string[] = [];
    const points = await faultAtEveryCall(scenario, ({ point, when, error, outcome, clean }) => {
      expect(clean).toEqual(["a.txt", "new"]);
      expect(outcome).toEqual({ thrown: error });
      seen.push(`${describePoint(point)} ${when}`);
    });
    expect(points).toHaveLength(4);
    expect(seen).toEqual([
      "root 1 before",
      "root 1 after",
      "createDirectory 1 before",
      "createDirectory 1 after",
      "list 1, page 1 before",
      "list 1, page 2 before",
    ]);
  });

  it("says at which call an outcome was wrong", async () => {
    const swallowing = (chaos: Chaos) => scenario(chaos).catch(() => []);
    const judged = faultAtEveryCall(swallowing, ({ outcome }) => expect(outcome).not.toEqual({ value: [] }));
    await expect(judged).rejects.toThrow("with a fault at root 1, before");
  });

  it("refuses a scenario that makes no call, or other calls the second time", async () => {
    await expect(
      faultAtEveryCall(
        async () => 1,
        () => undefined,
      ),
    ).rejects.toThrow("makes no call");
    let runs = 0;
    const fickle = async (chaos: Chaos) => (runs++ === 0 ? scenario(chaos) : []);
    await expect(faultAtEveryCall(fickle, () => undefined)).rejects.toThrow("never struck");
  });
});
