import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import type { UploadSource } from "#drivers/contract/mount.ts";
import { complete } from "#server/layers/complete.ts";
import { memoryJournal } from "#server/layers/journal.ts";
import { recoverReplacements } from "#server/layers/recover.ts";
import { CLOUD_TRAITS, type Cloud, createCloud } from "./cloud.ts";
import { FakeClock } from "./fake-clock.ts";
import { call, pagesOf } from "./sample-mount.ts";

const source = (body: string, over: Partial<UploadSource> = {}): UploadSource => ({
  size: body.length,
  hashes: {},
  kind: "stream",
  open: async () => Readable.from([Buffer.from(body)]),
  digest: async () => "right",
  ...over,
});

function replacing(cloud: Cloud = createCloud()) {
  const journal = memoryJournal();
  let seed = 0;
  const mount = complete({
    traits: CLOUD_TRAITS,
    clock: new FakeClock(),
    journal,
    random: (n) => new Uint8Array(n).fill(++seed),
    bytes: () => Promise.reject() as never,
  })(cloud.mount);
  const recover = () => recoverReplacements(cloud.mount, journal, call().o);
  return { cloud, journal, mount, recover };
}

const replace = () => ({ ...call().o, conflict: "replace" }) as const;
/** A machine that stops: from now on no call does anything. */
const CRASH = new StorageError("unavailable", "the power went");
function crashed(cloud: Cloud): void {
  cloud.before = () => {
    throw CRASH;
  };
}
function repaired(cloud: Cloud): void {
  cloud.before = () => {};
  cloud.after = () => {};
}

describe("emulated replace of an upload", () => {
  it("leaves the old file and nothing beside it when the caller aborts during the upload", async () => {
    const { cloud, journal, mount } = replacing();
    cloud.add("a.txt", "old");
    const controller = new AbortController();
    cloud.after = (what) => {
      if (what.startsWith("upload")) controller.abort(new Error("left"));
    };
    const o = { signal: controller.signal, conflict: "replace" } as const;
    await expect(mount.upload!(cloud.root, "a.txt", source("new"), o)).rejects.toThrow("left");
    expect(cloud.content()).toEqual(["a.txt: old"]);
    expect(await journal.list()).toEqual([]);
  });

  it("keeps the old file until the new one is complete, then swaps (architecture.md §3)", async () => {
    const { cloud, journal, mount } = replacing();
    const old = cloud.add("a.txt", "old");
    const states: string[] = [];
    cloud.before = async (what) => {
      if (what.startsWith("upload")) states.push(...cloud.content(), String((await journal.list()).length));
    };
    const stored = await mount.upload!(cloud.root, "a.txt", source("new"), replace());
    expect(states).toEqual(["a.txt: old", "1"]);
    expect(stored).toMatchObject({ name: "a.txt", size: 3 });
    expect(cloud.content()).toEqual(["a.txt: new"]);
    const [temporary] = cloud.calls.filter((what) => what.startsWith("upload"));
    expect(temporary).toMatch(/^upload ~pandav-[0-9a-f]{16}\.txt$/);
    expect(cloud.calls.slice(-2)).toEqual([`remove ${old.id}`, `move ${stored.id} a.txt`]);
    expect(await journal.list()).toEqual([]);
  });

  it("uploads straight to the name where nothing is", async () => {
    const { cloud, mount } = replacing();
    await mount.upload!(cloud.root, "a.txt", source("new"), replace());
    expect(cloud.calls).toEqual(["list", "upload a.txt"]);
  });

  it.each([
    ["size", { size: 99 }, {}],
    ["hash", {}, { sha1: "wrong" }],
  ] as const)(
    "fails with `incomplete` and keeps the old file when the stored %s is another one",
    async (_what, over, hashes) => {
      const { cloud, journal, mount } = replacing();
      cloud.add("a.txt", "old");
      const upload = cloud.mount.upload!;
      cloud.mount.upload = async (...args) => ({ ...(await upload(...args)), hashes });
      const failing = mount.upload!(cloud.root, "a.txt", source("new", over), replace());
      await expect(failing).rejects.toMatchObject({ kind: "incomplete", reason: "verification-failed" });
      expect(cloud.content()).toEqual(["a.txt: old"]);
      expect(await journal.list()).toEqual([]);
    },
  );

  it("never removes the id that the upstream returned again", async () => {
    const { cloud, mount } = replacing();
    const old = cloud.add("a.txt", "old");
    cloud.mount.upload = async (_parent, name) => {
      const stored = cloud.entries.find(({ id }) => id === old.id)!;
      Object.assign(stored, { name, body: "new" });
      return { ...old, name };
    };
    const stored = await mount.upload!(cloud.root, "a.txt", source("new"), replace());
    expect(stored.id).toBe(old.id);
    expect(cloud.content()).toEqual(["a.txt: new"]);
  });

  it("gives the old file its name back when the upstream returned its id and the content is wrong", async () => {
    const { cloud, mount } = replacing();
    const old = cloud.add("a.txt", "old");
    cloud.mount.upload = async (_parent, name) => {
      Object.assign(cloud.entries.find(({ id }) => id === old.id)!, { name });
      return { ...old, name };
    };
    const failing = mount.upload!(cloud.root, "a.txt", source("longer"), replace());
    await expect(failing).rejects.toMatchObject({ kind: "incomplete" });
    expect(cloud.content()).toEqual(["a.txt: old"]);
  });

  it("keeps the old file when it cannot be removed", async () => {
    const { cloud, journal, mount } = replacing();
    const old = cloud.add("a.txt", "old");
    cloud.before = (what) => {
      if (what === `remove ${old.id}`) throw new StorageError("permission-denied", "no");
    };
    const failing = mount.upload!(cloud.root, "a.txt", source("new"), replace());
    await expect(failing).rejects.toMatchObject({ kind: "permission-denied" });
    expect(cloud.content()).toEqual(["a.txt: old"]);
    expect(await journal.list()).toEqual([]);
  });

  it("goes on when the removal was done although it was reported as failed", async () => {
    const { cloud, mount } = replacing();
    const old = cloud.add("a.txt", "old");
    cloud.after = (what) => {
      if (what === `remove ${old.id}`) throw new StorageError("timeout", "no answer");
    };
    await mount.upload!(cloud.root, "a.txt", source("new"), replace());
    expect(cloud.content()).toEqual(["a.txt: new"]);
  });

  it("does not replace a directory by a file", async () => {
    const { cloud, mount } = replacing();
    cloud.add("a.txt", "", "directory");
    const failing = mount.upload!(cloud.root, "a.txt", source("new"), replace());
    await expect(failing).rejects.toMatchObject({ kind: "is-a-directory" });
    expect(cloud.calls).toEqual(["list"]);
  });

  it("refuses where the service can neither move nor remove", async () => {
    const cloud = createCloud();
    const { move: _move, ...unable } = cloud.mount;
    const { mount } = replacing({ ...cloud, mount: unable });
    cloud.add("a.txt", "old");
    const failing = mount.upload!(cloud.root, "a.txt", source("new"), replace());
    await expect(failing).rejects.toMatchObject({ kind: "unsupported" });
    expect(cloud.content()).toEqual(["a.txt: old"]);
  });

  it("passes other conflicts to the driver", async () => {
    const { cloud, mount } = replacing();
    cloud.add("a.txt", "old");
    const failing = mount.upload!(cloud.root, "a.txt", source("new"), { ...call().o, conflict: "fail" });
    await expect(failing).rejects.toMatchObject({ kind: "already-exists" });
  });
});

/** Every point at which a crash can cut the replacement off: before and after each call that changes something. */
const CUTS = (["before", "after"] as const).flatMap((when) =>
  ["upload", "remove", "move"].map((step) => [when, step] as const),
);

describe("recovery after a crash", () => {
  it.each(CUTS)("leaves the old file or the new one, whole and alone, cut off %s %s", async (when, step) => {
    const { cloud, journal, mount, recover } = replacing();
    cloud.add("a.txt", "old");
    cloud[when] = (what) => {
      if (!what.startsWith(step)) return;
      crashed(cloud);
      throw CRASH;
    };
    await expect(mount.upload!(cloud.root, "a.txt", source("new"), replace())).rejects.toBe(CRASH);
    expect(await journal.list()).toHaveLength(1);
    repaired(cloud);
    await recover();
    expect(cloud.content()).toEqual([step === "upload" ? "a.txt: old" : "a.txt: new"]);
    expect(await journal.list()).toEqual([]);
    const calls = cloud.calls.length;
    await recover();
    expect(cloud.calls).toHaveLength(calls);
  });

  it.each(["move i1 ~", "move i2 a.txt", "remove i1"])(
    "leaves one whole entry when a move is cut off after %s",
    async (step) => {
      const { cloud, journal, mount, recover } = replacing();
      cloud.add("a.txt", "old");
      const moved = cloud.add("b.txt", "new");
      cloud.after = (what) => {
        if (!what.startsWith(step)) return;
        crashed(cloud);
        throw CRASH;
      };
      await mount.move!([moved], cloud.root, { ...replace(), name: "a.txt" }).catch(() => {});
      repaired(cloud);
      await recover();
      expect(cloud.content()).toEqual(step === "move i1 ~" ? ["a.txt: old", "b.txt: new"] : ["a.txt: new"]);
      expect(await journal.list()).toEqual([]);
    },
  );

  it("keeps a copy that was whole when the power went before the old entry was removed", async () => {
    const { cloud, journal, mount, recover } = replacing();
    const old = cloud.add("a.txt", "old");
    const copied = cloud.add("b.txt", "new");
    cloud.before = (what) => {
      if (!what.startsWith(`remove ${old.id}`)) return;
      crashed(cloud);
      throw CRASH;
    };
    await mount.copy!([copied], cloud.root, { ...replace(), name: "a.txt" });
    expect(await journal.list()).toHaveLength(1);
    repaired(cloud);
    await recover();
    expect(cloud.content()).toEqual(["a.txt: new", "b.txt: new"]);
  });

  it("keeps the row while the storage does not answer, and ends at once when the caller aborts", async () => {
    const { cloud, journal, mount, recover } = replacing();
    cloud.add("a.txt", "old");
    cloud.after = (what) => {
      if (!what.startsWith("remove")) return;
      crashed(cloud);
      throw CRASH;
    };
    await mount.upload!(cloud.root, "a.txt", source("new"), replace()).catch(() => {});
    await expect(recover()).rejects.toBe(CRASH);
    expect(await journal.list()).toHaveLength(1);
    repaired(cloud);
    const { o, abort } = call();
    abort(new Error("left"));
    await expect(recoverReplacements(cloud.mount, journal, o)).rejects.toThrow("left");
    expect(await journal.list()).toHaveLength(1);
  });

  it("yields to whoever wrote the name after the crash", async () => {
    const { cloud, journal, mount, recover } = replacing();
    cloud.add("a.txt", "old");
    cloud.after = (what) => {
      if (!what.startsWith("remove")) return;
      crashed(cloud);
      throw CRASH;
    };
    await mount.upload!(cloud.root, "a.txt", source("new"), replace()).catch(() => {});
    repaired(cloud);
    cloud.add("a.txt", "newer");
    await recover();
    expect(cloud.content()).toEqual(["a.txt: newer"]);
    expect(await journal.list()).toEqual([]);
  });
});

describe("a replacement that was left half way while the mount stays open", () => {
  const half = async () => {
    const { cloud, journal, mount } = replacing();
    cloud.add("a.txt", "old");
    cloud.before = (what) => {
      if (what.startsWith("move")) throw CRASH;
    };
    await expect(mount.upload!(cloud.root, "a.txt", source("new"), replace())).rejects.toBe(CRASH);
    expect(cloud.content()).toEqual([expect.stringMatching(/^~pandav-.*: new$/)]);
    return { cloud, journal, mount };
  };

  it("comes to its end before its directory is listed, once for all who ask", async () => {
    const { cloud, journal, mount } = await half();
    repaired(cloud);
    const listings = await Promise.all([0, 1].map(() => pagesOf(mount.list(cloud.root, call().o))));
    expect(listings.map((pages) => pages.flat().map(({ name }) => name))).toEqual([["a.txt"], ["a.txt"]]);
    expect(cloud.calls.filter((what) => what.startsWith("move"))).toHaveLength(2);
    expect(await journal.list()).toEqual([]);
  });

  it("comes to its end before anything else is stored in the directory", async () => {
    const { cloud, mount } = await half();
    repaired(cloud);
    await mount.upload!(cloud.root, "a.txt", source("newer"), replace());
    expect(cloud.content()).toEqual(["a.txt: newer"]);
  });

  it("fails the listing while the storage does not answer, for the name would be missing", async () => {
    const { cloud, journal, mount } = await half();
    await expect(pagesOf(mount.list(cloud.root, call().o))).rejects.toBe(CRASH);
    expect(await journal.list()).toHaveLength(1);
    expect(await pagesOf(mount.list({ ...cloud.root, id: "other" }, call().o))).toEqual([[]]);
  });

  it("shows the directory as it is where the storage goes on saying no", async () => {
    const { cloud, journal, mount } = await half();
    cloud.before = (what) => {
      if (what.startsWith("move")) throw new StorageError("permission-denied", "no");
    };
    expect((await pagesOf(mount.list(cloud.root, call().o))).flat()).toHaveLength(1);
    expect(await journal.list()).toHaveLength(1);
  });

  it("is no hindrance where only the replaced entry is too many", async () => {
    const { cloud, journal, mount } = replacing();
    cloud.add("a.txt", "old");
    const other = cloud.add("b.txt", "new");
    cloud.before = (what) => {
      if (what.startsWith("remove")) throw CRASH;
    };
    const [outcome] = await mount.move!([other], cloud.root, { ...replace(), name: "a.txt" });
    expect(outcome?.error).toBeUndefined();
    expect((await pagesOf(mount.list(cloud.root, call().o))).flat().map(({ name }) => name)).toContain("a.txt");
    expect(await journal.list()).toHaveLength(1);
    repaired(cloud);
    await pagesOf(mount.list(cloud.root, call().o));
    expect(cloud.content()).toEqual(["a.txt: new"]);
    expect(await journal.list()).toEqual([]);
  });
});

describe("emulated replace of a move or copy", () => {
  it("brings the old entry back over half a copy, in process and after a crash", async () => {
    for (const power of ["stays", "goes"]) {
      const { cloud, journal, mount, recover } = replacing();
      cloud.add("a", "old", "directory");
      const other = cloud.add("b", "new", "directory");
      cloud.after = (what) => {
        if (!what.startsWith("copy")) return;
        if (power === "goes") crashed(cloud);
        throw new StorageError("incomplete", "half");
      };
      const [outcome] = await mount.copy!([other], cloud.root, { ...replace(), name: "a" });
      expect(outcome?.error?.kind).toBe("incomplete");
      repaired(cloud);
      await recover();
      expect(cloud.content()).toEqual(["a: old", "b: new"]);
      expect(await journal.list()).toEqual([]);
    }
  });

  it.each(["move", "copy"] as const)("lets the old entry step aside until the %s is done", async (operation) => {
    const { cloud, journal, mount } = replacing();
    cloud.add("a.txt", "old");
    const other = cloud.add("b.txt", "new");
    const outcomes = await mount[operation]!([other], cloud.root, { ...replace(), name: "a.txt" });
    expect(outcomes).toMatchObject([{ entry: { name: "a.txt", size: 3 } }]);
    expect(cloud.content()).toEqual(operation === "move" ? ["a.txt: new"] : ["a.txt: new", "b.txt: new"]);
    expect(await journal.list()).toEqual([]);
  });

  it("brings the old entry back when the move fails", async () => {
    const { cloud, journal, mount } = replacing();
    cloud.add("a.txt", "old");
    const other = cloud.add("b.txt", "new");
    cloud.before = (what) => {
      if (what === `move ${other.id} a.txt`) throw new StorageError("quota-exceeded", "full");
    };
    const [outcome] = await mount.move!([other], cloud.root, { ...replace(), name: "a.txt" });
    expect(outcome?.error?.kind).toBe("quota-exceeded");
    expect(cloud.content()).toEqual(["a.txt: old", "b.txt: new"]);
    expect(await journal.list()).toEqual([]);
  });

  it("moves what meets nothing in one call, and a rename to its own name is none", async () => {
    const { cloud, mount } = replacing();
    const other = cloud.add("b.txt", "new");
    await mount.move!([other], cloud.root, { ...replace(), name: "a.txt" });
    expect(cloud.calls).toEqual(["list", `move ${other.id} a.txt`]);
  });
});
