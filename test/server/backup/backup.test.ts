import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pack, unpack } from "#server/backup/archive.ts";
import { createBackup } from "#server/backup/create.ts";
import { finishRestore, restoreBackup } from "#server/backup/restore.ts";
import { sealed, unsealed } from "#server/backup/seal.ts";
import { isDataFolder } from "#server/store/data-folder.ts";
import { openSettings } from "#server/store/settings.ts";
import { openStore } from "#server/store/store.ts";
import { systemClock } from "#server/upstream/clock.ts";

const PASSPHRASE = "correct horse battery";
/** The least that a header may ask for: what is tested here is not the cost. */
const CHEAP = { memory: 8, passes: 1, parallelism: 1 };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pandav-backup-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function bytesOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** In pieces of odd sizes. */
async function* chunked(bytes: Buffer, size = 1_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("the outside of a backup (backup.md §2)", () => {
  it.each([0, 1, 65_535, 65_536, 65_537, 200_000])(
    "gives %i bytes back, and nothing without the passphrase",
    async (size) => {
      const content = Buffer.alloc(size, "content ");
      const file = await bytesOf(sealed(chunked(content), PASSPHRASE, CHEAP));
      expect(file.toString("latin1", 0, 16)).toBe("pandav-backup 1\n");
      expect(file.includes("content")).toBe(false);
      expect((await bytesOf(unsealed(chunked(file, 777), PASSPHRASE))).equals(content)).toBe(true);
      await expect(bytesOf(unsealed(chunked(file), "another passphrase"))).rejects.toThrow(
        "the passphrase is wrong, or the file is damaged",
      );
    },
  );

  it("refuses what was changed, cut off at any place, or put in another order", async () => {
    const file = await bytesOf(sealed(chunked(Buffer.alloc(150_000, "x")), PASSPHRASE, CHEAP));
    const head = file.indexOf("}\n") + 2;
    const piece = 65_536 + 16;
    const wrong: Record<string, Buffer> = {
      "a byte": Buffer.from(file).fill(file[head + 5]! ^ 1, head + 5, head + 6),
      "the salt": Buffer.from(
        file
          .toString("latin1")
          .replace('"salt":"', '"salt":"A')
          .replace(/.("}\n)/, "$1"),
        "latin1",
      ),
      "the end": file.subarray(0, -1),
      "the last piece": file.subarray(0, head + 2 * piece),
      "all pieces but one": file.subarray(0, head + piece),
      "more at the end": Buffer.concat([file, Buffer.from("x")]),
      order: Buffer.concat([
        file.subarray(0, head),
        file.subarray(head + piece, head + 2 * piece),
        file.subarray(head, head + piece),
        file.subarray(head + 2 * piece),
      ]),
    };
    for (const [what, bytes] of Object.entries(wrong)) {
      await expect(bytesOf(unsealed(chunked(bytes), PASSPHRASE)), what).rejects.toMatchObject({
        kind: "invalid-config",
      });
    }
    await expect(bytesOf(unsealed(chunked(Buffer.from("hello")), PASSPHRASE))).rejects.toThrow("no backup of Pandav");
    const greedy = Buffer.from(file.toString("latin1").replace('"memory":8', '"memory":99999999'), "latin1");
    await expect(bytesOf(unsealed(chunked(greedy), PASSPHRASE))).rejects.toThrow("no backup of Pandav");
    await expect(bytesOf(sealed(chunked(file), "short", CHEAP))).rejects.toThrow("at least 8 characters");
  });
});

/** A data folder with one setting and its key. */
async function makeData(name: string, title: string): Promise<string> {
  const dataDir = join(folder, name);
  const store = await openStore(dataDir);
  await (await openSettings(store)).set("site_title", title);
  await store.close();
  writeFileSync(join(dataDir, "secret.key"), `${title.length.toString(16).padStart(64, "0")}\n`);
  for (const [file, text] of [
    ["tree.db", title],
    ["prepared.0", title],
  ] as const)
    writeFileSync(join(dataDir, file), text);
  mkdirSync(join(dataDir, "spool"));
  mkdirSync(join(dataDir, "files"));
  writeFileSync(join(dataDir, "files", "mine.txt"), "mine");
  return dataDir;
}

async function titleIn(dataDir: string): Promise<string> {
  const store = await openStore(dataDir);
  try {
    return (await openSettings(store)).get("site_title");
  } finally {
    await store.close();
  }
}

/** A backup of `dataDir` under a cheap key. */
async function backUp(dataDir: string, more: { migrations?: string[] } = {}): Promise<string> {
  const file = join(folder, "a.pandav-backup");
  const whole = await bytesOf(createBackup({ store: { dataDir }, clock: systemClock, version: "1.2.3" }, PASSPHRASE));
  const scratch = mkdtempSync(join(folder, "scratch-"));
  const manifest = await unpack(unsealed(chunked(whole), PASSPHRASE), scratch);
  const names = manifest.files.map(({ name }) => name);
  writeFileSync(file, await bytesOf(sealed(pack(scratch, names, { ...manifest, ...more }), PASSPHRASE, CHEAP)));
  return file;
}

const restore = (
  dataDir: string,
  file: string,
  more: { onStep?: (step: string) => void; secretKey?: string; passphrase?: string } = {},
) => restoreBackup(dataDir, { file, passphrase: PASSPHRASE, now: Date.UTC(2026, 10, 25, 8, 15), ...more });

describe("a backup", () => {
  it("holds the database of one moment while others write, and the key, and leaves nothing behind", async () => {
    const dataDir = await makeData("one", "ours");
    const store = await openStore(dataDir);
    const file = await store.db.transaction().execute(async (trx) => {
      await trx.insertInto("setting").values({ key: "announcement", value: '"half way"' }).execute();
      return backUp(dataDir);
    });
    await store.close();
    const other = join(folder, "two");
    mkdirSync(other);
    const { manifest, aside } = await restore(other, file);
    expect(manifest).toMatchObject({ version: "1.2.3", files: [{ name: "pandav.db" }, { name: "secret.key" }] });
    expect(aside).toBeUndefined();
    expect(await titleIn(other)).toBe("ours");
    const restored = await openStore(other);
    expect((await openSettings(restored)).get("announcement")).toBe("");
    await restored.close();
    expect(readFileSync(join(other, "secret.key"))).toEqual(readFileSync(join(dataDir, "secret.key")));
    expect(readdirSync(dataDir).filter((name) => name.startsWith("backup-"))).toEqual([]);
  });

  it("is brought back with the old files kept aside, and the files of users where they are", async () => {
    const file = await backUp(await makeData("one", "ours"));
    const other = await makeData("two", "theirs, of old");
    const { aside } = await restore(other, file);
    expect(aside).toBe(join(other, "before-restore-2026-11-25T081500Z"));
    expect(await titleIn(other)).toBe("ours");
    expect(
      readdirSync(other)
        .filter((name) => !name.startsWith("pandav.db-"))
        .sort(),
    ).toEqual(["before-restore-2026-11-25T081500Z", "files", "pandav.db", "secret.key"]);
    expect(readFileSync(join(other, "files", "mine.txt"), "utf8")).toBe("mine");
    expect(readdirSync(aside ?? "").sort()).toEqual(["pandav.db", "prepared.0", "secret.key", "spool", "tree.db"]);
    expect(await titleIn(aside ?? "")).toBe("theirs, of old");
  });

  it("is refused, and nothing changed, where a newer version made it, the passphrase is wrong, or another key is set", async () => {
    const dataDir = await makeData("one", "ours");
    const names = () =>
      readdirSync(dataDir)
        .filter((name) => !/-(wal|shm)$/.test(name))
        .sort();
    const before = names();
    const newer = await backUp(dataDir, { migrations: ["0001-first", "9999-to-come"] });
    await expect(restore(dataDir, newer)).rejects.toThrow("made by a newer version of Pandav (1.2.3");
    const file = await backUp(dataDir);
    await expect(restore(dataDir, file, { passphrase: "another passphrase" })).rejects.toThrow("passphrase is wrong");
    await expect(restore(dataDir, file, { secretKey: "f".repeat(64) })).rejects.toThrow("PANDAV_SECRET_KEY");
    await expect(restore(dataDir, join(folder, "none"))).rejects.toThrow("cannot be read");
    expect(names()).toEqual(before);
  });

  it("being brought back is all or nothing, whatever step the process dies at", async () => {
    const file = await backUp(await makeData("one", "ours"));
    const steps: string[] = [];
    await restore(await makeData("probe", "old"), file, { onStep: (step) => steps.push(step) });
    expect(steps).toContain("turn");
    for (let at = 0; at < steps.length; at++) {
      const dataDir = await makeData(`died-${at}`, "old");
      let count = 0;
      const die = () => {
        if (count++ === at) throw new Error("died");
      };
      await expect(restore(dataDir, file, { onStep: die })).rejects.toThrow("died");
      expect(isDataFolder(dataDir)).toBe(true);
      // The next one dies at its first step too, and the one after it does not.
      const again = () => {
        throw new Error("died again");
      };
      try {
        finishRestore(dataDir, again);
      } catch (error) {
        expect((error as Error).message).toBe("died again");
      }
      finishRestore(dataDir);
      const isNew = at > steps.indexOf("ready");
      expect([steps[at], await titleIn(dataDir)]).toEqual([steps[at], isNew ? "ours" : "old"]);
      expect(
        readFileSync(join(dataDir, "secret.key"), "utf8")
          .trim()
          .endsWith(isNew ? "4" : "3"),
      ).toBe(true);
      expect(readdirSync(dataDir).filter((name) => name.startsWith("restore."))).toEqual([]);
      const aside = readdirSync(dataDir).filter((name) => name.startsWith("before-restore-"));
      expect(aside).toHaveLength(isNew ? 1 : 0);
      if (aside[0]) expect(await titleIn(join(dataDir, aside[0]))).toBe("old");
    }
  });
});
