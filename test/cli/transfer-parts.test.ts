import { PassThrough, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { bytesText, fitted, timeText, widthOf } from "#server/cli/transfer/amounts.ts";
import { Decider } from "#server/cli/transfer/conflict.ts";
import { Meter } from "#server/cli/transfer/meter.ts";
import { forEachAtOnce, Places } from "#server/cli/transfer/pool.ts";

class Screen extends Writable {
  readonly isTTY: boolean;
  readonly columns = 60;
  text = "";

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }

  async until(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + 5000;
    while (!pattern.test(this.text)) {
      if (Date.now() > deadline) throw new Error(`never shown: ${pattern} in ${JSON.stringify(this.text)}`);
      await sleep(10);
    }
  }
}

describe("the progress of transfers", () => {
  let meter: Meter | undefined;
  afterEach(() => meter?.close());

  it("shows percent, bytes, rate and time left of each file on a terminal, and leaves nothing behind", async () => {
    const screen = new Screen(true);
    meter = new Meter(screen);
    const track = meter.begin("文件.bin", 4 * 1024 * 1024);
    track.set(1024 * 1024);
    await screen.until(/文件.bin {2}25% {2}1\.0 MiB of 4\.0 MiB/);
    track.add(1024 * 1024);
    await screen.until(/50% {2}2\.0 MiB of 4\.0 MiB {2}[\d.]+ [KM]?i?B\/s {2}\d+:\d\d left/);
    meter.close();
    expect(screen.text.endsWith("\x1b[1A\r\x1b[J")).toBe(true);
  });

  it("adds a line for all where there are several, and keeps out of the way of what is printed", async () => {
    const screen = new Screen(true);
    meter = new Meter(screen);
    const [first] = [meter.begin("a", 10), meter.begin("b", 10)];
    first?.end();
    await screen.until(/1 done, 1 on the way/);
    await meter.aside(() => screen.write("printed\n"));
    expect(screen.text).toContain("\x1b[2A\r\x1b[Jprinted\n");
  });

  it("shows nothing where nobody looks", async () => {
    const screen = new Screen(false);
    meter = new Meter(screen);
    meter.begin("a", 10).set(5);
    await sleep(200);
    expect(screen.text).toBe("");
  });

  it("lets no name of a file move the cursor", async () => {
    const screen = new Screen(true);
    meter = new Meter(screen);
    meter.begin("a\x1b[2Jb\nc", 10);
    await screen.until(/a \[2Jb c {2}0%/);
  });
});

describe("amounts", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1024, "1.0 KiB"],
    [1_048_575, "1.0 MiB"],
    [5 * 1024 ** 3, "5.0 GiB"],
  ])("of %i bytes are %s", (bytes, shown) => {
    expect(bytesText(bytes)).toBe(shown);
  });

  it("are times in minutes, with hours where there are any", () => {
    expect([0, 7.4, 59.6, 750, 11_100].map(timeText)).toEqual(["0:00", "0:07", "1:00", "12:30", "3:05:00"]);
  });

  it("are cut to columns, of which a Chinese character takes two", () => {
    expect(widthOf("a文b")).toBe(4);
    expect(fitted("文件名字", 5)).toBe("文件…");
    expect(fitted("short", 5)).toBe("short");
  });
});

describe("--conflict ask", () => {
  const { signal } = new AbortController();

  it("asks once for each file, again after what is no answer, and no more after a capital letter", async () => {
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    const stderr = new Screen(true);
    const decider = new Decider("ask", { stdin, stdout: new Screen(true), stderr }, signal);
    const first = decider.decide("/sjtu/a");
    await stderr.until(/'\/sjtu\/a' exists: .*\? /);
    stdin.write("what\n");
    await stderr.until(/exists[\s\S]*exists/);
    stdin.write("s\n");
    expect(await first).toBe("skip");
    expect(decider.decided).toBeUndefined();
    const second = decider.decide("/sjtu/b");
    await stderr.until(/'\/sjtu\/b' exists/);
    stdin.write("O\n");
    expect(await second).toBe("overwrite");
    expect(await decider.decide("/sjtu/c")).toBe("overwrite");
    expect(stderr.text).not.toContain("/sjtu/c");
    decider.close();
  });

  it("skips where nobody answers any more", async () => {
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    const decider = new Decider("ask", { stdin, stdout: new Screen(true), stderr: new Screen(true) }, signal);
    stdin.end();
    expect(await decider.decide("/sjtu/a")).toBe("skip");
    expect(decider.decided).toBe("skip");
  });

  it("ends with the command", async () => {
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    const leaving = new AbortController();
    const decider = new Decider("ask", { stdin, stdout: new Screen(true), stderr: new Screen(true) }, leaving.signal);
    const asked = decider.decide("/sjtu/a");
    leaving.abort(new Error("interrupted"));
    await expect(asked).rejects.toThrow("interrupted");
  });
});

describe("many things at once", () => {
  async function* numbers(count: number) {
    for (let n = 0; n < count; n++) yield n;
  }

  it("are never more than was said", async () => {
    let running = 0;
    let most = 0;
    await forEachAtOnce(numbers(20), 3, async () => {
      most = Math.max(most, ++running);
      await sleep(1);
      running--;
    });
    expect(most).toBe(3);
  });

  it("end with the first failure, when those on their way have ended", async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const all = forEachAtOnce(numbers(20), 2, async (n) => {
      begun.push(n);
      await sleep(n === 0 ? 1 : 20);
      if (n === 0) throw new Error("first");
      ended.push(n);
    });
    await expect(all).rejects.toThrow("first");
    expect(ended).toEqual(begun.filter((n) => n !== 0));
    expect(begun.length).toBeLessThan(4);
  });

  it("give a place back once, however often it is given back", async () => {
    const places = new Places(1);
    const leave = await places.take();
    leave();
    leave();
    await places.take();
    let second = false;
    void places.take().then(() => {
      second = true;
    });
    await sleep(5);
    expect(second).toBe(false);
  });
});
