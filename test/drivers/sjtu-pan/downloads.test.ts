import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { ByteRange, Entry, Mount } from "#drivers/contract/mount.ts";
import { crc64 } from "#drivers/kit/crc64.ts";
import { sjtuPan } from "#drivers/sjtu-pan/index.ts";
import { calm } from "#test/contract/steps.ts";
import { layered } from "#test/contract/under-stack.ts";
import { handClock } from "#test/simulators/sjtu-pan/clock.ts";
import { failureOf } from "./failures.ts";
import { openWorld, type PanWorld, reachable } from "./simulator.ts";
import { countingBytes } from "./sources.ts";
import { turnedClock } from "./turned-clock.ts";

const MiB = 2 ** 20;

/** The mount as the vfs reads it. */
function stacked(world: PanWorld): Mount {
  return layered(world.mount, sjtuPan.traits, () => world.env.bytes);
}

async function read(mount: Mount, entry: Entry, range?: ByteRange): Promise<Buffer> {
  return buffer(await mount.read!(entry, range, calm()));
}

async function planted(world: PanWorld, size = 5 * MiB): Promise<Entry> {
  world.pan.files.put("docs/a.bin", { size, first: 0 });
  return world.mount.stat!(["docs", "a.bin"], calm());
}

describe("a download from SJTU Pan", () => {
  it("is the whole file, a range of it, several at once, and what the listing says of it (sjtu-pan.md §12.5, scenario 17)", async () => {
    await using world = await openWorld();
    const entry = await planted(world);
    const mount = stacked(world);
    const whole = await read(mount, entry);
    expect(whole.equals(countingBytes(5 * MiB))).toBe(true);
    expect(entry.hashes?.crc64).toBe(crc64(whole));
    const parts = await Promise.all([0, 1, 2, 3, 4].map((i) => read(mount, entry, { offset: i * MiB, length: MiB })));
    expect(Buffer.concat(parts).equals(whole)).toBe(true);
  });

  it("goes by an address that needs no login and names when it ends (sjtu-pan.md §5.2, §12.5, scenario 17)", async () => {
    await using world = await openWorld();
    const entry = await planted(world);
    const link = await world.mount.link!(entry, { purpose: "redirect" }, calm());
    expect(link).toMatchObject({ boundTo: [], acceptsRanges: true, reusable: true });
    expect(link.headers).toBeUndefined();
    expect(new URL(link.url).hostname).toBe("s3pan.jcloud.sjtu.edu.cn");
    expect(link.expiresAt! - Date.now()).toBeGreaterThan(7190_000);
    expect(link.expiresAt! - Date.now()).toBeLessThan(7202_000);
    const { cookie, userToken, access } = world.account.credential;
    for (const secret of [cookie!, userToken!, access!.token]) expect(link.url).not.toContain(secret);
  });

  it("measures the end of an address by the service's clock (sjtu-pan.md §10, P-30)", async () => {
    await using world = await openWorld({ knobs: { clockOffsetMs: 3_600_000 } });
    const link = await world.mount.link!(await planted(world), { purpose: "redirect" }, calm());
    expect(Math.abs(link.expiresAt! - Date.now() - 7_200_000)).toBeLessThan(3_000);
  });

  it("goes on with a fresh address where the old one ran out (sjtu-pan.md §12.5, scenario 17)", async () => {
    await using world = await openWorld();
    const entry = await planted(world);
    world.pan.faults.add({ route: "store.get", fault: { kind: "store-expired" } });
    expect((await read(stacked(world), entry)).equals(countingBytes(5 * MiB))).toBe(true);
    expect(world.pan.log.count("api.download")).toBe(2);
  });

  it("of an address two hours old is told to be expired, not refused (sjtu-pan.md §5.2)", async () => {
    const clock = handClock(Date.now());
    await using world = await openWorld({ clock, driverClock: turnedClock(() => clock.now() - Date.now()) });
    const entry = await planted(world);
    const link = reachable(await world.mount.link!(entry, { purpose: "proxy" }, calm()), world.pan);
    clock.advance(7_201_000);
    world.pan.tolerate("signature");
    const url = new URL(link.url);
    const answer = await world.env.bytes.request({
      origin: "https://s3pan.jcloud.sjtu.edu.cn",
      path: url.pathname + url.search,
      method: "GET",
    });
    expect(answer.statusCode).toBe(403);
    expect(link.explain!(403, {}, Buffer.from(await answer.body.arrayBuffer()))).toBe("expired");
  });

  it("goes on at its offset, with a fresh address, where it breaks off (sjtu-pan.md §5.2)", async () => {
    await using world = await openWorld();
    const entry = await planted(world);
    world.pan.faults.add({ route: "store.get", times: 3, fault: { kind: "truncate", afterBytes: MiB } });
    expect((await read(stacked(world), entry)).equals(countingBytes(5 * MiB))).toBe(true);
    expect([world.pan.log.count("store.get"), world.pan.log.count("api.download")]).toEqual([4, 4]);
  });

  it("goes not on with another file that lies at its path meanwhile (sjtu-pan.md §5.2)", async () => {
    await using world = await openWorld();
    const entry = await planted(world);
    world.pan.faults.add({ route: "store.get", fault: { kind: "truncate", afterBytes: MiB } });
    const stream = await stacked(world).read!(entry, undefined, calm());
    world.pan.files.put("docs/a.bin", { size: 5 * MiB });
    expect((await failureOf(buffer(stream))).kind).toBe("incomplete");
  });

  it("that breaks off again and again, or of a file that changed meanwhile, never ends as if whole (sjtu-pan.md §12.5, scenario 17)", async () => {
    await using world = await openWorld();
    const entry = await planted(world);
    const mount = stacked(world);
    world.pan.faults.add({ route: "store.get", times: 20, fault: { kind: "truncate", afterBytes: 1000 } });
    expect((await failureOf(read(mount, entry))).kind).toBe("incomplete");
    world.pan.faults.clear();
    world.pan.files.put("docs/a.bin", { size: 4 * MiB, first: 0 });
    expect((await failureOf(read(mount, entry))).kind).toBe("precondition-failed");
    world.pan.files.remove("docs/a.bin");
    expect((await failureOf(read(mount, entry))).kind).toBe("not-found");
  });

  it("of a store that asks for patience is tried again (sjtu-pan.md §1.7)", async () => {
    await using world = await openWorld();
    const entry = await planted(world, 1000);
    world.pan.faults.add({ route: "store.get", times: 2, fault: { kind: "slow-down" } });
    expect(await read(stacked(world), entry)).toHaveLength(1000);
  });

  it.each([
    ["FileContentIsLoadingDownload", "under-review"],
    ["VirusFileNotAvailableDownload", "moderated"],
    ["FileContentNotAvailable", "moderated"],
    ["SensitiveContentRecognized", "moderated"],
  ] as const)("that %s forbids says why, with the request's id (sjtu-pan.md §1.6, §10, P-32)", async (code, reason) => {
    await using world = await openWorld();
    const entry = await planted(world, 10);
    world.pan.faults.add({ route: "api.download", fault: { kind: "error", status: 403, code } });
    const failure = await failureOf(world.mount.link!(entry, { purpose: "proxy" }, calm()));
    expect(failure).toMatchObject({ kind: "permission-denied", reason, upstream: { status: 403, code } });
    expect(failure.message).toContain(failure.upstream!.requestId);
  });
});
