import { expect, it } from "vitest";
import { ROOT } from "#drivers/sjtu-pan/entries.ts";
import { openWorld } from "./simulator.ts";
import { countingSource } from "./sources.ts";

const MiB = 2 ** 20;

it("a file of 20 GB is stored in 4769 parts, verified, with few of them in memory (sjtu-pan.md §4.5, P-08, P-11)", async () => {
  await using world = await openWorld();
  const size = 20_000_000_000;
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const entry = await world.mount.upload!(ROOT, "huge.bin", countingSource(size), {
    signal: AbortSignal.timeout(20 * 60_000),
    conflict: "fail",
    onProgress: () => {
      most = Math.max(most, process.memoryUsage().arrayBuffers);
    },
  });
  expect(entry.size).toBe(size);
  expect(entry.hashes?.crc64).toBe(world.pan.files.stat("huge.bin").crc64);
  expect(world.pan.log.counts()).toMatchObject({
    "store.part": 4769,
    "api.upload-multipart": 1,
    "api.upload-renew": 95,
  });
  // Both ends of every connection are in this process.
  expect((most - before) / MiB).toBeLessThan(150);
});

it.each(["api.upload-multipart", "api.upload-renew", "api.upload-confirm"])(
  "a request of an upload that is never answered is made again, and what came of the first one found out: %s (sjtu-pan.md §1.7)",
  async (route) => {
    await using world = await openWorld();
    const handle = world.pan.faults.add({ route, fault: { kind: "silence" } });
    const size = route === "api.upload-renew" ? 201 * MiB : 9 * MiB;
    const entry = await world.mount.upload!(ROOT, "patient.bin", countingSource(size), {
      signal: AbortSignal.timeout(180_000),
      conflict: "fail",
    });
    expect(handle.hits).toBe(1);
    expect(entry).toMatchObject({ name: "patient.bin", size });
    expect(world.pan.files.list()).toEqual(["patient.bin"]);
  },
);
