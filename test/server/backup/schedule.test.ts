import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pack } from "#server/backup/archive.ts";
import { runSchedule } from "#server/backup/schedule.ts";
import { sealed } from "#server/backup/seal.ts";
import type { Notice } from "#server/notify/notifier.ts";
import { FakeClock } from "#test/server/layers/fake-clock.ts";
import { silentLog } from "#test/support/vfs.ts";

const HOUR_MS = 3_600_000;
const CHEAP = { memory: 8, passes: 1, parallelism: 1 };

describe("automatic backups (backup.md §1)", () => {
  let folder: string;
  let target: string;
  let clock: FakeClock;
  let notices: Notice[];
  let passphrase: string | undefined;
  let isBroken: boolean;
  let stop: AbortController;
  let ended: Promise<void>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "pandav-schedule-"));
    target = join(folder, "backups");
    mkdirSync(join(folder, "data"));
    writeFileSync(join(folder, "data", "secret.key"), "a key");
    clock = new FakeClock();
    await clock.advance(Date.UTC(2026, 10, 25) - clock.now());
    notices = [];
    passphrase = "correct horse battery";
    isBroken = false;
    stop = new AbortController();
    const values: Record<string, unknown> = { backup_folder: target, backup_every_hours: 24, backup_keep: 2 };
    const about = { version: "1.2.3", createdAt: 0, migrations: [] };
    ended = runSchedule(
      {
        settings: { get: (key: string) => values[key] } as never,
        notifier: { notify: (notice) => void notices.push(notice), forget() {} },
        clock,
        log: silentLog,
        passphrase: () => passphrase,
        create: (secret) => {
          const whole = pack(join(folder, "data"), ["secret.key"], about);
          return sealed(isBroken ? whole : whole, isBroken ? "another passphrase" : secret, CHEAP);
        },
      },
      stop.signal,
    );
  });
  afterEach(async () => {
    stop.abort();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  const names = () => readdirSync(target).sort();
  /** Work on the disk takes real time. */
  const made = (count: number) =>
    expect.poll(() => names().filter((name) => name.endsWith("-backup")).length).toBe(count);

  it("are made as often as is set, and the newest of them stay, with whatever else is in the folder", async () => {
    await expect.poll(() => clock.sleeping).toBe(1);
    expect(names()).toEqual(["pandav-20261125T000000Z.pandav-backup"]);
    writeFileSync(join(target, "pandav-mine.pandav-backup"), "mine");
    writeFileSync(join(target, "pandav-20260101T000000Z.pandav-backup.part"), "left by a crash");
    await clock.advance(23 * HOUR_MS);
    expect(names()).toHaveLength(3);
    for (let day = 0; day < 2; day++) {
      await clock.advance(24 * HOUR_MS);
      await expect.poll(() => clock.sleeping).toBe(1);
    }
    await made(3);
    expect(names()).toEqual([
      expect.stringMatching(/^pandav-20261126T/),
      expect.stringMatching(/^pandav-20261127T/),
      "pandav-mine.pandav-backup",
    ]);
    expect(new Set(notices.map(({ state }) => state))).toEqual(new Set(["ok"]));
  });

  it("that cannot be read back, or lack a passphrase, cost no older one, and are told of", async () => {
    await expect.poll(() => clock.sleeping).toBe(1);
    isBroken = true;
    await clock.advance(24 * HOUR_MS);
    await expect.poll(() => notices.at(-1)?.state).toBe("failed");
    expect(notices.at(-1)?.message).toContain("no backup was made in");
    await expect.poll(names).toEqual(["pandav-20261125T000000Z.pandav-backup"]);
    passphrase = undefined;
    await expect.poll(() => clock.sleeping).toBe(1);
    await clock.advance(HOUR_MS);
    await expect.poll(() => notices.at(-1)?.message).toContain("PANDAV_BACKUP_PASSPHRASE_FILE");
  });
});
