import { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { FakeClock } from "#test/server/layers/fake-clock.ts";
import { forever, openTestVfs, type TestVfs } from "#test/support/vfs.ts";

const opened: TestVfs[] = [];
afterEach(async () => {
  for (const test of opened.splice(0)) await test.dispose();
});

/** A storage of 100 bytes at `/m`, and how often it was asked for its usage. */
async function open() {
  let asked = 0;
  const recorder = {
    begun: ({ operation }: { operation: string }) => void (operation === "usage" && asked++),
    ended() {},
  };
  const clock = new FakeClock();
  const test = await openTestVfs({ drivers: [createMemoryDriver()], recorder, clock });
  opened.push(test);
  await test.mount({ mountPath: "/m", driver: "memory", settings: { quota_bytes: 100 } });
  const put = (name: string, size: number) =>
    test.vfs.write(`/m/${name}`, { stream: Readable.from([Buffer.alloc(size)]), size }, forever);
  return {
    vfs: test.vfs,
    clock,
    put,
    used: async () => (await test.vfs.usage("/m", forever))?.used,
    asked: () => asked,
  };
}

describe("what a storage says about its room (webdav.md §5.1)", () => {
  it("is asked once for many uploads, whose bytes are added to it", async () => {
    const { put, used, asked } = await open();
    for (let i = 0; i < 5; i++) await put(`f${i}`, 10);
    expect(await used()).toBe(50);
    expect(asked()).toBe(1);
  });

  it("is asked again after five minutes, and after a removal", async () => {
    const { vfs, clock, put, used, asked } = await open();
    await put("a", 10);
    await clock.advance(5 * 60_000 - 1);
    await used();
    expect(asked()).toBe(1);
    await clock.advance(1);
    expect(await used()).toBe(10);
    expect(asked()).toBe(2);
    await vfs.remove("/m/a", forever);
    expect(await used()).toBe(0);
    expect(asked()).toBe(3);
  });

  it("refuses a file that does not fit only where the storage itself says so: a replaced file's room was free again", async () => {
    const { put, asked } = await open();
    for (let i = 0; i < 3; i++) await put("a", 40);
    expect(asked()).toBe(2);
    await expect(put("b", 70)).rejects.toMatchObject({ kind: "quota-exceeded" });
    await expect(put("b", 70)).rejects.toMatchObject({ kind: "quota-exceeded" });
    await put("b", 60);
    expect(asked()).toBe(3);
  });
});
