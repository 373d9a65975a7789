import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Spool } from "#server/vfs/spool.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "pandav-spool-"));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const signal = new AbortController().signal;
const files = () => readdir(join(dataDir, "spool"));

describe("spool (architecture.md §6: a byte quota, owned files, cleaned up after aborts and crashes)", () => {
  it("gives back what it received, whole and by range", async () => {
    const spool = await Spool.open(dataDir, 1000);
    const file = await spool.receive(Readable.from([Buffer.from("hello "), Buffer.from("world")]), 11, signal);
    expect(file.size).toBe(11);
    expect((await buffer(await file.open())).toString()).toBe("hello world");
    expect((await buffer(await file.open({ offset: 6, length: 3 }))).toString()).toBe("wor");
    expect((await buffer(await file.open({ offset: 11 }))).length).toBe(0);
    await file.remove();
    await file.remove();
    expect(await files()).toEqual([]);
    expect(spool.reserved).toBe(0);
  });

  it("refuses a known size that cannot fit before the first byte", async () => {
    const spool = await Spool.open(dataDir, 10);
    let read = false;
    const body = new Readable({
      read() {
        read = true;
        this.push(null);
      },
    });
    await expect(spool.receive(body, 11, signal)).rejects.toMatchObject({ kind: "quota-exceeded" });
    expect(read).toBe(false);
    expect(spool.reserved).toBe(0);
  });

  it("refuses a body of unknown length as soon as it does not fit, and leaves nothing", async () => {
    const spool = await Spool.open(dataDir, 70 * 1024 * 1024);
    const held = await spool.receive(Readable.from([Buffer.alloc(1)]), 10 * 1024 * 1024, signal);
    await expect(spool.receive(Readable.from([Buffer.alloc(5)]), undefined, signal)).rejects.toMatchObject({
      kind: "quota-exceeded",
    });
    expect(await files()).toHaveLength(1);
    await held.remove();
    expect(spool.reserved).toBe(0);
  });

  it("leaves nothing of a body that breaks off or is aborted", async () => {
    const spool = await Spool.open(dataDir, 1000);
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from("ab");
        throw new Error("broken");
      })(),
    );
    await expect(spool.receive(broken, 10, signal)).rejects.toThrow("broken");
    const controller = new AbortController();
    const endless = new Readable({ read() {} });
    const receiving = spool.receive(endless, 10, controller.signal);
    const reason = new Error("left");
    controller.abort(reason);
    await expect(receiving).rejects.toBe(reason);
    expect(await files()).toEqual([]);
    expect(spool.reserved).toBe(0);
  });

  it("clears what a crash left when it is opened", async () => {
    await mkdir(join(dataDir, "spool"), { recursive: true });
    await writeFile(join(dataDir, "spool", "left"), "half a body");
    await Spool.open(dataDir, 1000);
    expect(await files()).toEqual([]);
  });
});
