import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import { crc64 } from "#drivers/kit/crc64.ts";
import { ROOT } from "#drivers/sjtu-pan/entries.ts";
import { calm } from "#test/contract/steps.ts";
import type { Fault } from "#test/simulators/sjtu-pan/faults.ts";
import { openWorld } from "./simulator.ts";
import { countingBytes, countingSource } from "./sources.ts";
import { fastClock } from "./turned-clock.ts";

const MiB = 2 ** 20;

/** Small: start, bytes, confirm. Parts: in one group. Groups: more parts than are signed at once. */
const SIZES = { small: 100_000, parts: 21 * MiB, groups: 201 * MiB } as const;

const ROUTES: Readonly<Record<keyof typeof SIZES, readonly string[]>> = {
  small: ["user.personal-space", "api.upload-simple", "store.put", "api.upload-confirm"],
  parts: ["user.personal-space", "api.upload-multipart", "store.part", "api.upload-confirm"],
  groups: ["api.upload-renew"],
};

const FAULTS: readonly {
  readonly said: string;
  readonly fault: Fault;
  readonly stores?: boolean;
}[] = [
  { said: "500", fault: { kind: "error", status: 500, code: "InternalServerError" } },
  { said: "503 with Retry-After", fault: { kind: "error", status: 503, retryAfterSeconds: 1 } },
  { said: "429", fault: { kind: "error", status: 429, retryAfterSeconds: 1 } },
  { said: "a reset before anything is done", fault: { kind: "reset", when: "before" } },
  {
    said: "a reset in the middle of the body",
    fault: { kind: "reset", when: "before", afterBytes: 50_000 },
    stores: true,
  },
  { said: "a reset after all was done, the answer lost", fault: { kind: "reset", when: "after" } },
  { said: "a web page of the gateway", fault: { kind: "html", status: 502 } },
  { said: "an expired access token", fault: { kind: "access-tokens-end" } },
  { said: "an expired user token", fault: { kind: "user-tokens-end" } },
  { said: "SlowDown of the store", fault: { kind: "slow-down" }, stores: true },
  { said: "an expired signature at the store", fault: { kind: "store-expired" }, stores: true },
];

const sums = Object.fromEntries(
  Object.entries(SIZES).map(([size, bytes]) => [size, crc64(countingBytes(bytes))]),
) as Record<keyof typeof SIZES, string>;

const TABLE = (Object.keys(SIZES) as (keyof typeof SIZES)[]).flatMap((size) =>
  ROUTES[size].flatMap((route) =>
    FAULTS.filter(({ stores }) => !stores || route.startsWith("store.")).flatMap(({ said, fault }) =>
      (route === "store.part" ? [0, 5] : [0]).map((skip) => ({ size, route, said, fault, skip })),
    ),
  ),
);

describe("an upload of which one request fails once ends correct, or leaves the old file: never both, never a duplicate (sjtu-pan.md §12.4, §12.5, scenarios 13 and 14)", () => {
  it.each(TABLE)(
    "$size: $route ($skip before it) with $said",
    async ({ size, route, fault, skip }) => {
      await using world = await openWorld({ knobs: { digests: true } });
      const { pan } = world;
      pan.files.put("file.bin", "old");
      const bytes = SIZES[size];
      const handle = pan.faults.add({ route, skip, fault });
      let outcome: unknown;
      try {
        outcome = await world.mount.upload!(ROOT, "file.bin", countingSource(bytes), {
          signal: AbortSignal.timeout(60_000),
          conflict: "replace",
        });
      } catch (error) {
        outcome = error;
      }
      expect(handle.hits, "the fault struck").toBe(1);
      expect(pan.files.list(), "neither a duplicate nor a rest").toEqual(["file.bin"]);
      if (outcome instanceof Error) {
        expect(outcome).toBeInstanceOf(StorageError);
        expect(pan.files.read("file.bin").toString()).toBe("old");
      } else {
        expect(outcome).toMatchObject({ name: "file.bin", size: bytes });
        expect(pan.files.stat("file.bin").crc64).toBe(sums[size]);
      }
      // What failed here is repeated within the upload: none of these is a reason to fail.
      expect(outcome).not.toBeInstanceOf(Error);
      const lostStarts =
        fault.kind === "reset" && fault.when === "after" && /upload-(simple|multipart)$/.test(route) ? 1 : 0;
      expect(pan.pending().uploads).toBe(lostStarts);
      expect(await pan.files.exists("file (1).bin")).toBe(false);
    },
    90_000,
  );

  it("is found to be stored where the answer to the confirmation was lost, and the second one was told that it is unknown", async () => {
    await using world = await openWorld();
    const { pan } = world;
    for (const conflict of ["fail", "rename"] as const) {
      pan.log.clear();
      if (conflict === "rename") pan.files.put("renamed.bin", "old");
      const name = conflict === "rename" ? "renamed.bin" : "fresh.bin";
      pan.faults.add({ route: "api.upload-confirm", fault: { kind: "reset", when: "after" } });
      pan.faults.add({ route: "api.upload-status", fault: { kind: "error", status: 503 } });
      const entry = await world.mount.upload!(ROOT, name, countingSource(9 * MiB), { ...calm(), conflict });
      expect(entry.size).toBe(9 * MiB);
      expect(pan.log.count("api.upload-confirm")).toBe(1);
    }
    expect(pan.files.list()).toEqual(["fresh.bin", "renamed (1).bin", "renamed.bin"]);
  });

  it("is confirmed again, up to four times, while the service still gathers the parts (sjtu-pan.md §1.7)", async () => {
    await using world = await openWorld({ knobs: { confirmIncompleteTimes: 3 } });
    await world.mount.upload!(ROOT, "late.bin", countingSource(9 * MiB), { ...calm(), conflict: "fail" });
    expect(world.pan.log.count("api.upload-confirm")).toBe(4);
    expect(world.pan.files.list()).toEqual(["late.bin"]);
  });

  it("sends a part again that the store takes and never answers, after a minute (sjtu-pan.md §1.7)", async () => {
    const clock = fastClock(100);
    await using world = await openWorld({ clock, driverClock: clock });
    const handle = world.pan.faults.add({ route: "store.part", skip: 1, fault: { kind: "silence" } });
    await world.mount.upload!(ROOT, "slow.bin", countingSource(SIZES.parts), { ...calm(), conflict: "fail" });
    expect(handle.hits).toBe(1);
    expect(world.pan.files.stat("slow.bin").crc64).toBe(sums.parts);
  });

  it("is given up when a part fails again and again, and nothing is left of it", async () => {
    await using world = await openWorld();
    world.pan.faults.add({ route: "store.part", times: 100, fault: { kind: "slow-down" } });
    const upload = world.mount.upload!(ROOT, "never.bin", countingSource(40 * MiB), { ...calm(), conflict: "fail" });
    await expect(upload).rejects.toMatchObject({
      kind: "unavailable",
      retryable: true,
      upstream: { code: "SlowDown" },
    });
    expect(world.pan.pending().uploads).toBe(0);
    expect(world.pan.files.list()).toEqual([]);
  });
});
