import { describe, expect, it } from "vitest";
import type { Json, UploadOptions, UploadSource } from "#drivers/contract/mount.ts";
import { crc64 } from "#drivers/kit/crc64.ts";
import { ROOT } from "#drivers/sjtu-pan/entries.ts";
import { calm } from "#test/contract/steps.ts";
import { handClock } from "#test/simulators/sjtu-pan/clock.ts";
import { failureOf } from "./failures.ts";
import { openWorld, type PanWorld } from "./simulator.ts";
import { countingBytes, countingSource, memoryCheckpoint } from "./sources.ts";
import { turnedClock } from "./turned-clock.ts";

const MiB = 2 ** 20;

function put(world: PanWorld, name: string, source: UploadSource, o: Partial<UploadOptions> = {}) {
  return world.mount.upload!(ROOT, name, source, { ...calm(), conflict: "fail", ...o });
}

describe("an upload to SJTU Pan", () => {
  it.each([0, 1, 391, 4 * MiB - 1, 4 * MiB])(
    "of %i bytes is one object: start, bytes, confirm (sjtu-pan.md §12.5, scenario 10)",
    async (size) => {
      await using world = await openWorld();
      const entry = await put(world, "small.bin", countingSource(size));
      expect(entry).toMatchObject({ name: "small.bin", size, hashes: { crc64: crc64(countingBytes(size)) } });
      expect(world.pan.files.read("small.bin").equals(countingBytes(size))).toBe(true);
      expect(world.pan.log.counts()).toMatchObject({ "api.upload-simple": 1, "store.put": 1, "api.upload-confirm": 1 });
      expect(world.pan.log.count("api.")).toBe(2);
    },
  );

  it.each([4 * MiB + 1, 10 * MiB])(
    "of %i bytes goes in parts of 4 MiB, straight from a stream (sjtu-pan.md §12.5, scenario 10)",
    async (size) => {
      await using world = await openWorld();
      const told: number[] = [];
      const entry = await put(world, "large.bin", countingSource(size), { onProgress: (bytes) => told.push(bytes) });
      expect(entry).toMatchObject({ size, hashes: { crc64: crc64(countingBytes(size)) } });
      expect(world.pan.files.read("large.bin").equals(countingBytes(size))).toBe(true);
      expect(world.pan.log.count("store.part")).toBe(Math.ceil(size / (4 * MiB)));
      expect(world.pan.log.count("api.upload-multipart")).toBe(1);
      expect(told).toEqual(told.toSorted((a, b) => a - b));
      expect(told.at(-1)).toBe(size);
    },
  );

  it("of 201 parts asks for groups of 50 numbers, and has few of them in memory (sjtu-pan.md §12.5, scenario 10; §4.3)", async () => {
    await using world = await openWorld({ knobs: { digests: false } });
    const size = 200 * 4 * MiB + 1;
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const entry = await put(world, "huge.bin", countingSource(size), {
      signal: AbortSignal.timeout(120_000),
      onProgress: () => {
        most = Math.max(most, process.memoryUsage().arrayBuffers);
      },
    });
    expect(entry.size).toBe(size);
    expect(world.pan.log.counts()).toMatchObject({
      "api.upload-multipart": 1,
      "api.upload-renew": 4,
      "store.part": 201,
    });
    // Five buffers of the driver's, and what the simulator and the sockets hold, in one process.
    expect((most - before) / MiB).toBeLessThan(150);
  }, 150_000);

  it("of unknown length is refused before its first byte: the service wants to know it (sjtu-pan.md §4.1)", async () => {
    await using world = await openWorld();
    const { size: _size, ...unknown } = countingSource(10);
    expect((await failureOf(put(world, "unknown.bin", unknown as UploadSource))).kind).toBe("unsupported");
  });

  it.each([
    ["fail", "already-exists", "taken.bin"],
    ["replace", undefined, "taken.bin"],
    ["rename", undefined, "taken (1).bin"],
  ] as const)(
    "with conflict %s onto a taken name: the name is the one in the reply (sjtu-pan.md §12.5, scenario 11; P-07)",
    async (conflict, kind, name) => {
      for (const size of [10, 5 * MiB]) {
        await using world = await openWorld();
        world.pan.files.put("taken.bin", "old");
        const upload = put(world, "taken.bin", countingSource(size), { conflict });
        if (kind) expect((await failureOf(upload)).kind).toBe(kind);
        else expect((await upload).name).toBe(name);
        const isNew = world.pan.files.tree()["taken.bin"] === size;
        expect(isNew).toBe(conflict === "replace");
        expect(world.pan.files.list()).toEqual(name === "taken.bin" ? ["taken.bin"] : ["taken (1).bin", "taken.bin"]);
        expect(world.pan.pending().uploads).toBe(0);
      }
    },
  );

  it("onto a folder is refused, and what is in it stays (sjtu-pan.md §4.1)", async () => {
    await using world = await openWorld();
    world.pan.files.put("taken/kept.txt", "kept");
    for (const size of [10, 5 * MiB]) {
      const { kind } = await failureOf(put(world, "taken", countingSource(size), { conflict: "replace" }));
      expect(kind).toBe("is-a-directory");
    }
    expect(world.pan.files.tree()).toEqual({ "taken/": null, "taken/kept.txt": 4 });
    expect(world.pan.pending().uploads).toBe(0);
  });

  it("whose signatures run out on the way renews them before they do (sjtu-pan.md §12.5, scenario 12; §4.6)", async () => {
    const clock = handClock(Date.now());
    await using world = await openWorld({ clock, driverClock: turnedClock(() => clock.now() - Date.now()) });
    // Fourteen and a half minutes later less than 30 s are left of the fifteen.
    world.pan.faults.add({
      route: "store.part",
      skip: 4,
      fault: { kind: "run", action: () => clock.advance(14.6 * 60_000) },
    });
    const size = 40 * MiB;
    await put(world, "slow.bin", countingSource(size));
    expect(world.pan.files.read("slow.bin").equals(countingBytes(size))).toBe(true);
    expect(world.pan.log.count("api.upload-renew")).toBeGreaterThan(0);
    expect(world.pan.log.entries.filter(({ role, status }) => role === "store" && status === 403)).toEqual([]);
  });

  it.each([-3_600_000, 3_600_000])(
    "to a service whose clock is %i ms off measures expirations by the service's Date (sjtu-pan.md §10, P-30)",
    async (clockOffsetMs) => {
      await using world = await openWorld({ knobs: { clockOffsetMs } });
      await put(world, "skewed.bin", countingSource(10 * MiB));
      expect(world.pan.log.count("api.upload-renew")).toBe(0);
    },
  );

  it("in the middle of which the service gives another uploadId sends a seekable source's lost parts again (sjtu-pan.md §4.6)", async () => {
    const clock = handClock(Date.now());
    await using world = await openWorld({ clock, driverClock: turnedClock(() => clock.now() - Date.now()) });
    world.pan.knobs.renewNewUploadId = true;
    world.pan.faults.add({
      route: "store.part",
      skip: 5,
      fault: { kind: "run", action: () => clock.advance(15 * 60_000) },
    });
    const size = 40 * MiB;
    world.pan.tolerate("signature");
    await put(world, "moved.bin", countingSource(size, { kind: "seekable" }));
    expect(world.pan.files.read("moved.bin").equals(countingBytes(size))).toBe(true);
  });

  it("whose bytes change on the way to the store is refused by its checksum, and the old file stays (sjtu-pan.md §12.5, scenario 15)", async () => {
    for (const [size, route] of [
      [1000, "store.put"],
      [9 * MiB, "store.part"],
    ] as const) {
      await using world = await openWorld();
      world.pan.files.put("kept.bin", "old");
      world.pan.faults.add({ route, fault: { kind: "corrupt", at: 77 } });
      const error = await failureOf(put(world, "kept.bin", countingSource(size), { conflict: "replace" }));
      expect(error).toMatchObject({
        kind: "incomplete",
        reason: "verification-failed",
        upstream: { code: "BadCrc64" },
      });
      expect(error.upstream?.requestId).toBeTruthy();
      expect(error.message).toContain(error.upstream?.requestId);
      expect(world.pan.files.read("kept.bin").toString()).toBe("old");
      expect(world.pan.pending().uploads).toBe(0);
    }
  });

  it("that does not fit is refused before its first byte, and at its end where somebody was faster (sjtu-pan.md §12.5, scenario 16)", async () => {
    await using world = await openWorld();
    world.pan.setCapacity(6 * MiB);
    const source = countingSource(7 * MiB);
    expect((await failureOf(put(world, "big.bin", source))).kind).toBe("quota-exceeded");
    expect(source.readings).toEqual([]);
    world.pan.faults.add({ route: "store.part", fault: { kind: "run", action: () => world.pan.setCapacity(3 * MiB) } });
    expect((await failureOf(put(world, "late.bin", countingSource(5 * MiB)))).kind).toBe("quota-exceeded");
    expect(world.pan.files.list()).toEqual([]);
    expect(world.pan.pending().uploads).toBe(0);
  });

  it("during which the folder is removed fails not-found, and leaves nothing (sjtu-pan.md §4.7)", async () => {
    await using world = await openWorld();
    world.pan.files.makeDirectory("docs");
    const docs = await world.mount.stat!(["docs"], calm());
    world.pan.faults.add({ route: "store.part", fault: { kind: "run", action: () => world.pan.files.remove("docs") } });
    const upload = world.mount.upload!(docs, "a.bin", countingSource(5 * MiB), { ...calm(), conflict: "fail" });
    expect((await failureOf(upload)).kind).toBe("not-found");
    expect(world.pan.pending().uploads).toBe(0);
  });
});

describe("an upload to SJTU Pan that was broken off", () => {
  const size = 100 * MiB;

  async function breakOff(world: PanWorld, checkpoint: ReturnType<typeof memoryCheckpoint>, after: number) {
    const source = countingSource(size, { kind: "seekable", breaks: after });
    await expect(put(world, "resumed.bin", source, { checkpoint })).rejects.toThrow("the source broke off");
    expect(checkpoint.state).toBeDefined();
    expect(world.pan.pending().uploads).toBe(1);
  }

  it("goes on from its checkpoint after a restart: nothing is sent twice, and all is read, for the checksum (sjtu-pan.md §12.5, scenario 13)", async () => {
    await using world = await openWorld();
    const checkpoint = memoryCheckpoint();
    await breakOff(world, checkpoint, 90 * MiB);
    const sent = world.pan.log.count("store.part");
    const again = await world.open();
    const source = countingSource(size, { kind: "seekable" });
    const entry = await again.upload!(ROOT, "resumed.bin", source, { ...calm(), conflict: "fail", checkpoint });
    expect(entry).toMatchObject({ size, hashes: { crc64: crc64(countingBytes(size)) } });
    // What was on its way when it broke may have been cut.
    expect(world.pan.log.count("store.part")).toBeLessThanOrEqual(25 + 4);
    expect(sent).toBeGreaterThan(16);
    expect(source.readings).toEqual([{ offset: 0, bytes: size }]);
    expect(checkpoint.state).toBeUndefined();
    expect(world.pan.files.list()).toEqual(["resumed.bin"]);
  });

  it("reads all of a content again whose time it does not know, and sends only what is missing", async () => {
    await using world = await openWorld();
    const checkpoint = memoryCheckpoint();
    await breakOff(world, checkpoint, 90 * MiB);
    const { modifiedAt: _time, ...source } = countingSource(size, { kind: "seekable" });
    await put(world, "resumed.bin", source as UploadSource, { checkpoint });
    expect((source as ReturnType<typeof countingSource>).readings).toEqual([{ offset: 0, bytes: size }]);
    expect(world.pan.log.count("store.part")).toBeLessThanOrEqual(25 + 4);
    expect(world.pan.files.read("resumed.bin").equals(countingBytes(size))).toBe(true);
  });

  it("begins anew where the content is another by now", async () => {
    await using world = await openWorld();
    const checkpoint = memoryCheckpoint();
    await breakOff(world, checkpoint, 20 * MiB);
    await put(world, "resumed.bin", countingSource(size, { kind: "seekable", modifiedAt: 2_000 }), { checkpoint });
    expect(world.pan.log.count("api.upload-multipart")).toBe(2);
    expect(world.pan.pending().uploads).toBe(0);
  });

  it("begins anew where the service has forgotten it (sjtu-pan.md §4.6)", async () => {
    await using world = await openWorld();
    const checkpoint = memoryCheckpoint();
    await breakOff(world, checkpoint, 20 * MiB);
    await world.mount.abandonUpload!(checkpoint.state as Json, calm());
    expect(world.pan.pending().uploads).toBe(0);
    await put(world, "resumed.bin", countingSource(size, { kind: "seekable" }), { checkpoint });
    expect(world.pan.log.count("api.upload-multipart")).toBe(2);
    expect(checkpoint.state).toBeUndefined();
    // Once more: there is nothing left to let go of.
    await world.mount.abandonUpload!({ v: 1, confirmKey: "gone", id: "x", size: 1, partSize: 1, hashes: {} }, calm());
  });

  it("whose end was confirmed before the restart is found stored, and not sent again (sjtu-pan.md §4.6)", async () => {
    await using world = await openWorld();
    let whenBroken: Json | undefined;
    const checkpoint = memoryCheckpoint();
    world.pan.faults.add({
      route: "api.upload-confirm",
      fault: {
        kind: "run",
        action: () => {
          whenBroken = checkpoint.state;
        },
      },
    });
    await put(world, "resumed.bin", countingSource(9 * MiB, { kind: "seekable" }), { checkpoint });
    const left = memoryCheckpoint(whenBroken);
    const entry = await put(world, "resumed.bin", countingSource(9 * MiB, { kind: "seekable" }), { checkpoint: left });
    expect(entry).toMatchObject({ name: "resumed.bin", size: 9 * MiB });
    expect(left.state).toBeUndefined();
    expect(world.pan.log.count("store.part")).toBe(3);
  });

  it("from a stream leaves nothing at the service: nobody could go on", async () => {
    await using world = await openWorld();
    const checkpoint = memoryCheckpoint();
    const source = countingSource(size, { breaks: 20 * MiB });
    await expect(put(world, "gone.bin", source, { checkpoint })).rejects.toThrow("the source broke off");
    expect(checkpoint.saves).toBe(0);
    expect(world.pan.pending().uploads).toBe(0);
  });

  it("by its caller leaves nothing at the service, and throws the signal's reason", async () => {
    await using world = await openWorld();
    const controller = new AbortController();
    const reason = new Error("the client left");
    world.pan.faults.add({
      route: "store.part",
      skip: 6,
      fault: { kind: "run", action: () => controller.abort(reason) },
    });
    await expect(put(world, "left.bin", countingSource(size), { signal: controller.signal })).rejects.toBe(reason);
    expect(world.pan.pending().uploads).toBe(0);
    expect(world.pan.files.list()).toEqual([]);
  });
});
