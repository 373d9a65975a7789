/** Locks as the vfs keeps them: what may overlap, what they stand against, how they end, and that they never come to lie on another file. */
import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kindOf } from "#drivers/contract/errors.ts";
import { LockedError, type LockRequest } from "#server/vfs/locks/lock.ts";
import { MAX_LOCKS_PER_USER } from "#server/vfs/locks/locks.ts";
import { withOwnLocks } from "#server/vfs/locks/own-locks.ts";
import type { VfsOptions } from "#server/vfs/resource.ts";
import { forever, type TestVfs } from "#test/support/vfs.ts";
import { ann, bob, EXCLUSIVE, lockWorld, put, SHARED, TREE } from "./world.ts";

/** The kind that a call fails with; `done` when it does not. */
async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "done";
  } catch (error) {
    return kindOf(error) ?? String(error);
  }
}

/** The roots that a refusal names. */
async function refusedBy(call: Promise<unknown>): Promise<readonly string[]> {
  try {
    await call;
    return [];
  } catch (error) {
    if (error instanceof LockedError) return error.roots.map(({ path }) => path);
    throw error;
  }
}

const roots = ({ vfs }: TestVfs, path: string) => vfs.locks.at(path).map(({ root }) => root);

describe("granting", () => {
  it.each<[string, LockRequest, string, LockRequest, "done" | "locked"]>([
    ["/m/a.txt", EXCLUSIVE, "/m/a.txt", EXCLUSIVE, "locked"],
    ["/m/a.txt", EXCLUSIVE, "/m/a.txt", SHARED, "locked"],
    ["/m/a.txt", SHARED, "/m/a.txt", SHARED, "done"],
    ["/m/a.txt", SHARED, "/m/a.txt", EXCLUSIVE, "locked"],
    ["/m/a.txt", EXCLUSIVE, "/m/b.txt", EXCLUSIVE, "done"],
    ["/m/dir", TREE, "/m/dir/sub/two.txt", EXCLUSIVE, "locked"],
    ["/m/dir", EXCLUSIVE, "/m/dir/one.txt", EXCLUSIVE, "done"],
    ["/m/dir/sub/two.txt", EXCLUSIVE, "/m/dir", TREE, "locked"],
    ["/m/dir/sub/two.txt", SHARED, "/m/dir", { ...TREE, scope: "shared" }, "done"],
    ["/m/dir/sub/two.txt", EXCLUSIVE, "/m/dir", EXCLUSIVE, "done"],
    ["/m/dir", TREE, "/m/dir/new.txt", EXCLUSIVE, "locked"],
    ["/m", TREE, "/m/dir/sub", SHARED, "locked"],
  ])("with %s locked %o, %s %o is %s (RFC 4918 §6.1, §7.8)", async (first, held, second, wanted, expected) => {
    const { test } = await lockWorld();
    await test.vfs.locks.lock(first, held, ann());
    expect(await outcome(test.vfs.locks.lock(second, wanted, ann()))).toBe(expected);
    // A refused lock makes no file.
    if (second.endsWith("new.txt")) expect(await outcome(test.vfs.stat(second, forever))).toBe("not-found");
  });

  it("gives tokens of the system's generator, each once (RFC 4918 §6.5)", async () => {
    const { test } = await lockWorld();
    const tokens = new Set<string>();
    for (let i = 0; i < 20; i++) tokens.add((await test.vfs.locks.lock("/m/a.txt", SHARED, ann())).token);
    expect(tokens.size).toBe(20);
    for (const token of tokens)
      expect(token).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
  });

  it("makes an empty file where nothing is, which stays when the lock is given back (RFC 4918 §7.3)", async () => {
    const { test } = await lockWorld();
    const { token, created } = await test.vfs.locks.lock("/m/new.txt", EXCLUSIVE, ann());
    expect(created).toBe(true);
    expect(await test.vfs.stat("/m/new.txt", forever)).toMatchObject({ kind: "file", size: 0 });
    await test.vfs.locks.unlock("/m/new.txt", token, ann());
    expect(await outcome(put(test, "/m/new.txt", bob()))).toBe("done");
    expect(await outcome(test.vfs.locks.lock("/m/none/new.txt", EXCLUSIVE, ann()))).toBe("not-found");
  });

  it("grants one of many who ask at once", async () => {
    const { test } = await lockWorld();
    const all = await Promise.all(
      Array.from({ length: 10 }, () => outcome(test.vfs.locks.lock("/m/a.txt", TREE, ann()))),
    );
    expect(all.filter((one) => one === "done")).toHaveLength(1);
    expect(all.filter((one) => one === "locked")).toHaveLength(9);
  });

  it("gives a user a thousand and no more, and the next one its thousand (webdav.md §5.1)", async () => {
    const world = await lockWorld();
    await world.test.vfs.locks.lock("/m/a.txt", SHARED, ann());
    const { db } = world.test.store;
    const row = await db.selectFrom("lock").selectAll().executeTakeFirstOrThrow();
    const soon = world.clock.now() + 60_000;
    const more = Array.from({ length: MAX_LOCKS_PER_USER - 1 }, (_, i) => ({
      ...row,
      token: `x:${i}`,
      expires_at: soon,
    }));
    await db.insertInto("lock").values(more).execute();
    world.test = await world.test.restart();
    const { locks } = world.test.vfs;
    expect(await outcome(locks.lock("/m/b.txt", EXCLUSIVE, ann()))).toBe("quota-exceeded");
    expect(await outcome(locks.lock("/m/a.txt", SHARED, bob()))).toBe("done");
    await world.clock.advance(60_000);
    expect(await outcome(locks.lock("/m/b.txt", EXCLUSIVE, ann()))).toBe("done");
  });
});

describe("standing against changes", () => {
  const changes: Readonly<Record<string, (test: TestVfs, o: VfsOptions & ReturnType<typeof ann>) => Promise<unknown>>> =
    {
      "writing /m/a.txt": (test, o) => put(test, "/m/a.txt", o),
      "writing /m/new.txt": (test, o) => put(test, "/m/new.txt", o),
      "writing /m/dir/one.txt": (test, o) => put(test, "/m/dir/one.txt", o),
      "writing /m/dir/new.txt": (test, o) => put(test, "/m/dir/new.txt", o),
      "making /m/dir/made": ({ vfs }, o) => vfs.makeDirectory("/m/dir/made", o),
      "removing /m/a.txt": ({ vfs }, o) => vfs.remove("/m/a.txt", o),
      "removing /m/dir": ({ vfs }, o) => vfs.remove("/m/dir", o),
      "removing /m/dir/one.txt": ({ vfs }, o) => vfs.remove("/m/dir/one.txt", o),
      "dating /m/a.txt": ({ vfs }, o) => vfs.setModifiedAt("/m/a.txt", 5000, o),
      "moving a.txt to c.txt": ({ vfs }, o) => vfs.move("/m/a.txt", "/m/c.txt", { ...o, conflict: "fail" }),
      "moving b.txt onto a.txt": ({ vfs }, o) => vfs.move("/m/b.txt", "/m/a.txt", { ...o, conflict: "replace" }),
      "copying b.txt onto a.txt": ({ vfs }, o) => vfs.copy("/m/b.txt", "/m/a.txt", { ...o, conflict: "replace" }),
      "copying a.txt to c.txt": ({ vfs }, o) => vfs.copy("/m/a.txt", "/m/c.txt", { ...o, conflict: "fail" }),
      "copying b.txt to dir/b.txt": ({ vfs }, o) => vfs.copy("/m/b.txt", "/m/dir/b.txt", { ...o, conflict: "fail" }),
      "moving dir to dir2": ({ vfs }, o) => vfs.move("/m/dir", "/m/dir2", { ...o, conflict: "fail" }),
    };

  /** Of each lock: the changes that need its token (RFC 4918 §7.4, §7.5, §9.8.4, §9.9). */
  const needing: readonly [string, LockRequest, readonly string[]][] = [
    [
      "/m/a.txt",
      EXCLUSIVE,
      [
        "writing /m/a.txt",
        "removing /m/a.txt",
        "dating /m/a.txt",
        "moving a.txt to c.txt",
        "moving b.txt onto a.txt",
        "copying b.txt onto a.txt",
      ],
    ],
    [
      "/m/dir",
      EXCLUSIVE,
      [
        "writing /m/dir/new.txt",
        "making /m/dir/made",
        "removing /m/dir",
        "removing /m/dir/one.txt",
        "copying b.txt to dir/b.txt",
        "moving dir to dir2",
      ],
    ],
    [
      "/m/dir",
      TREE,
      [
        "writing /m/dir/one.txt",
        "writing /m/dir/new.txt",
        "making /m/dir/made",
        "removing /m/dir",
        "removing /m/dir/one.txt",
        "copying b.txt to dir/b.txt",
        "moving dir to dir2",
      ],
    ],
    ["/m/dir/sub/two.txt", EXCLUSIVE, ["removing /m/dir", "moving dir to dir2"]],
    [
      "/m",
      EXCLUSIVE,
      [
        "writing /m/new.txt",
        "removing /m/a.txt",
        "removing /m/dir",
        "moving a.txt to c.txt",
        "moving b.txt onto a.txt",
        "copying b.txt onto a.txt",
        "copying a.txt to c.txt",
        "moving dir to dir2",
      ],
    ],
    ["/m", TREE, Object.keys(changes)],
  ];

  it.each(needing)(
    "a lock on %s %o needs its token of exactly what it covers (RFC 4918 §7)",
    async (path, request, names) => {
      for (const scope of path === "/m/dir" ? (["exclusive", "shared"] as const) : (["exclusive"] as const)) {
        const refused: string[] = [];
        for (const [name, change] of Object.entries(changes)) {
          const { test } = await lockWorld();
          const { token } = await test.vfs.locks.lock(path, { ...request, scope }, ann());
          const without = await outcome(change(test, ann()));
          const byAnother = await outcome(change(test, bob(token)));
          expect([name, byAnother === "locked"]).toEqual([name, without === "locked"]);
          if (without !== "locked") continue;
          refused.push(name);
          expect([name, await outcome(change(test, forever as ReturnType<typeof ann>))]).toEqual([name, "locked"]);
          expect([name, await outcome(change(test, ann(token)))]).toEqual([name, "done"]);
        }
        expect(refused).toEqual(Object.keys(changes).filter((name) => names.includes(name)));
      }
    },
  );

  it("is content with one of several shared locks (RFC 4918 §7.5)", async () => {
    const { test } = await lockWorld();
    const first = await test.vfs.locks.lock("/m/a.txt", SHARED, ann());
    const second = await test.vfs.locks.lock("/m/a.txt", SHARED, bob());
    expect(await outcome(put(test, "/m/a.txt", bob(second.token)))).toBe("done");
    expect(await outcome(put(test, "/m/a.txt", ann(first.token)))).toBe("done");
    expect(await outcome(put(test, "/m/a.txt", bob(first.token)))).toBe("locked");
  });

  it("names what was locked, not what was asked for", async () => {
    const { test } = await lockWorld();
    await test.vfs.locks.lock("/m/dir/sub", TREE, ann());
    expect(await refusedBy(put(test, "/m/dir/sub/two.txt", bob()))).toEqual(["/m/dir/sub"]);
    expect(await refusedBy(test.vfs.remove("/m/dir", bob()))).toEqual(["/m/dir/sub"]);
  });

  it("looks again before the new content takes the old one's place: somebody may have locked it meanwhile", async () => {
    const { test } = await lockWorld();
    const stream = new Readable({ read() {} });
    const writing = outcome(test.vfs.write("/m/a.txt", { stream }, bob()));
    stream.push("half");
    await test.vfs.locks.lock("/m/a.txt", EXCLUSIVE, ann());
    stream.push(null);
    expect(await writing).toBe("locked");
    expect(await test.vfs.stat("/m/a.txt", forever)).toMatchObject({ size: 1 });
  });

  it("covers mounts inside a locked directory, and is not taken over what is locked in them", async () => {
    const { test } = await lockWorld();
    await test.mount({ mountPath: "/m/dir/inner", driver: "memory", settings: {} });
    const outer = await test.vfs.locks.lock("/m/dir", TREE, ann());
    expect(await refusedBy(put(test, "/m/dir/inner/a.txt", bob()))).toEqual(["/m/dir"]);
    expect(await outcome(put(test, "/m/dir/inner/a.txt", ann(outer.token)))).toBe("done");
    await test.vfs.locks.unlock("/m/dir/inner/a.txt", outer.token, ann());
    await test.vfs.locks.lock("/m/dir/inner/a.txt", EXCLUSIVE, ann());
    expect(await outcome(test.vfs.locks.lock("/m/dir", TREE, bob()))).toBe("locked");
  });
});

describe("a front without tokens", () => {
  it("is refused what somebody else has locked, and holds its caller's own locks (kind locked)", async () => {
    const { test } = await lockWorld();
    await test.vfs.locks.lock("/m/a.txt", EXCLUSIVE, ann());
    const own = withOwnLocks(test.vfs, 1);
    const other = withOwnLocks(test.vfs, 2);
    expect(await outcome(other.remove("/m/a.txt", forever))).toBe("locked");
    expect(await outcome(other.move("/m/a.txt", "/m/c", { ...forever, conflict: "fail" }))).toBe("locked");
    expect((await other.removeAll(["/m/a.txt", "/m/b.txt"], forever)).map(({ error }) => kindOf(error))).toEqual([
      "locked",
      undefined,
    ]);
    expect((await own.stat("/m/a.txt", forever)).size).toBe(1);
    expect(await outcome(own.remove("/m/a.txt", forever))).toBe("done");
  });
});

describe("ending", () => {
  it("ends by itself, at the next question as by the sweep of every minute", async () => {
    const { test, clock } = await lockWorld();
    await test.vfs.locks.lock("/m/a.txt", { ...EXCLUSIVE, timeoutMs: 90_000 }, ann());
    await clock.advance(89_999);
    expect(test.vfs.locks.at("/m/a.txt")).toMatchObject([{ secondsLeft: 1 }]);
    expect(await outcome(put(test, "/m/a.txt", bob()))).toBe("locked");
    await clock.advance(1);
    expect(test.vfs.locks.at("/m/a.txt")).toEqual([]);
    expect(await outcome(put(test, "/m/a.txt", bob()))).toBe("done");
    expect(test.vfs.locks.isEmpty).toBe(false);
    await clock.advance(30_000);
    await expect.poll(() => test.store.db.selectFrom("lock").selectAll().execute()).toEqual([]);
    expect(test.vfs.locks.isEmpty).toBe(true);
  });

  it("is renewed from anywhere below its root, by its user only (RFC 4918 §9.10.2)", async () => {
    const { test, clock } = await lockWorld();
    const { token } = await test.vfs.locks.lock("/m/dir", { ...TREE, timeoutMs: 60_000 }, ann());
    await clock.advance(50_000);
    expect(await outcome(test.vfs.locks.refresh("/m/dir/sub/two.txt", 60_000, bob(token)))).toBe("permission-denied");
    expect(await outcome(test.vfs.locks.refresh("/m/a.txt", 60_000, ann(token)))).toBe("precondition-failed");
    expect(await outcome(test.vfs.locks.refresh("/m/dir/sub/two.txt", 60_000, ann(token)))).toBe("done");
    await clock.advance(50_000);
    expect(test.vfs.locks.at("/m/dir")).toMatchObject([{ token, secondsLeft: 10 }]);
  });

  it("is given back by its user, or by force (RFC 4918 §6.4, §9.11)", async () => {
    const { test } = await lockWorld();
    const { token } = await test.vfs.locks.lock("/m/dir", TREE, ann());
    expect(await outcome(test.vfs.locks.unlock("/m/dir", token, bob()))).toBe("permission-denied");
    expect(await outcome(test.vfs.locks.unlock("/m/a.txt", token, ann()))).toBe("precondition-failed");
    expect(await outcome(test.vfs.locks.unlock("/m/dir", "urn:uuid:other", ann()))).toBe("precondition-failed");
    expect(await outcome(test.vfs.locks.unlock("/m/dir/one.txt", token, { ...bob(), force: true }))).toBe("done");
    expect(await outcome(test.vfs.locks.unlock("/m/dir", token, ann()))).toBe("precondition-failed");
  });
});

describe("lying where it was taken", () => {
  it("survives a restart, with all that belongs to it", async () => {
    const world = await lockWorld();
    const owner = "<D:owner>me &amp; 你</D:owner>";
    const { token } = await world.test.vfs.locks.lock("/m/dir", { ...TREE, owner, timeoutMs: 100_000 }, ann());
    await world.clock.advance(10_000);
    world.test = await world.test.restart();
    const { test } = world;
    await test.vfs.stat("/m/dir/one.txt", forever);
    expect(test.vfs.locks.at("/m/dir/one.txt")).toEqual([
      {
        token,
        scope: "exclusive",
        depth: "infinity",
        owner,
        userId: 1,
        root: "/m/dir",
        rootKind: "directory",
        secondsLeft: 90,
      },
    ]);
    expect(await outcome(put(test, "/m/dir/one.txt", bob()))).toBe("locked");
    expect(await outcome(put(test, "/m/dir/one.txt", ann(token)))).toBe("done");
  });

  it("stays on what is overwritten, by a write, a copy and a move (RFC 4918 §7.6, §9.8.4)", async () => {
    const { test } = await lockWorld();
    const { token } = await test.vfs.locks.lock("/m/a.txt", EXCLUSIVE, ann());
    await put(test, "/m/a.txt", ann(token), "other");
    expect(roots(test, "/m/a.txt")).toEqual(["/m/a.txt"]);
    await test.vfs.copy("/m/b.txt", "/m/a.txt", { ...ann(token), conflict: "replace" });
    expect(roots(test, "/m/a.txt")).toEqual(["/m/a.txt"]);
    await test.vfs.move("/m/b.txt", "/m/a.txt", { ...ann(token), conflict: "replace" });
    expect(roots(test, "/m/a.txt")).toEqual(["/m/a.txt"]);
    expect(await outcome(put(test, "/m/a.txt", bob()))).toBe("locked");
  });

  it("stays on a directory that is replaced, and goes with what was in it", async () => {
    const { test } = await lockWorld({ maxSyncBytes: 1000 });
    const outer = await test.vfs.locks.lock("/m/dir", EXCLUSIVE, ann());
    const inner = await test.vfs.locks.lock("/m/dir/sub/two.txt", EXCLUSIVE, ann());
    await test.vfs.makeDirectory("/m/fresh", ann());
    const o = { ...ann(outer.token, inner.token), conflict: "replace" as const };
    await test.vfs.copy("/m/fresh", "/m/dir", o);
    expect(test.vfs.locks.at("/m/dir").map(({ token }) => token)).toEqual([outer.token]);
    expect(await test.store.db.selectFrom("lock").select("token").execute()).toEqual([{ token: outer.token }]);
  });

  it("is dropped when its file is moved, or a directory around it (RFC 4918 §7.6, §9.9)", async () => {
    const { test } = await lockWorld();
    const file = await test.vfs.locks.lock("/m/a.txt", EXCLUSIVE, ann());
    const inside = await test.vfs.locks.lock("/m/dir/sub/two.txt", EXCLUSIVE, ann());
    await test.vfs.move("/m/a.txt", "/m/c.txt", { ...ann(file.token), conflict: "fail" });
    await test.vfs.move("/m/dir", "/m/dir2", { ...ann(inside.token), conflict: "fail" });
    for (const path of ["/m/a.txt", "/m/c.txt", "/m/dir/sub/two.txt", "/m/dir2/sub/two.txt"]) {
      expect([path, roots(test, path)]).toEqual([path, []]);
    }
    expect(await test.store.db.selectFrom("lock").selectAll().execute()).toEqual([]);
  });

  it("is gone with its file: what is made there later is another one, even when the row outlived a crash", async () => {
    const world = await lockWorld();
    const { token } = await world.test.vfs.locks.lock("/m/a.txt", EXCLUSIVE, ann());
    const [row] = await world.test.store.db.selectFrom("lock").selectAll().execute();
    await world.test.vfs.remove("/m/a.txt", ann(token));
    expect(world.test.vfs.locks.isEmpty).toBe(true);
    // As after a kill between the removal and the deletion of the row.
    await world.test.store.db.insertInto("lock").values(row!).execute();
    world.test = await world.test.restart();
    expect(await outcome(put(world.test, "/m/a.txt", bob()))).toBe("done");
    expect(roots(world.test, "/m/a.txt")).toEqual([]);
    // What lies elsewhere now is swept.
    await world.clock.advance(60_000);
    await expect.poll(() => world.test.store.db.selectFrom("lock").selectAll().execute()).toEqual([]);
  });

  it("never lies on another file than the one that it was taken on, whatever is done (fuzzed)", async () => {
    const names = ["a", "b", "d/a", "d/b", "d", "e"];
    const name = fc.constantFrom(...names);
    const step = fc.oneof(
      fc.record({ do: fc.constant("lock" as const), at: name }),
      fc.record({ do: fc.constant("write" as const), at: name }),
      fc.record({ do: fc.constant("remove" as const), at: name }),
      fc.record({ do: fc.constantFrom("move" as const, "copy" as const), at: name, to: name }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const { test } = await lockWorld();
        /** What must be locked: path → token. */
        const expected = new Map<string, string>();
        const forget = (path: string, keepsItself: boolean) => {
          for (const known of [...expected.keys()]) {
            if (known.startsWith(`${path}/`) || (known === path && !keepsItself)) expected.delete(known);
          }
        };
        for (const s of steps) {
          const path = `/m/${s.at}`;
          const o = ann(...expected.values());
          if (s.do === "lock") {
            const lock = await test.vfs.locks.lock(path, EXCLUSIVE, o).catch(() => undefined);
            if (lock) expected.set(path, lock.token);
          } else if (s.do === "write") await outcome(put(test, path, o));
          else if (s.do === "remove") {
            if ((await outcome(test.vfs.remove(path, o))) === "done") forget(path, false);
          } else {
            const to = `/m/${s.to}`;
            if ((await outcome(test.vfs[s.do](path, to, { ...o, conflict: "replace" }))) !== "done") continue;
            forget(to, true);
            if (s.do === "move") forget(path, false);
          }
        }
        const found = new Map(
          names.flatMap((n) => test.vfs.locks.at(`/m/${n}`).map((l) => [l.root, l.token] as const)),
        );
        expect(found).toEqual(expected);
        const rows = await test.store.db.selectFrom("lock").select("token").execute();
        expect(rows.map(({ token }) => token).sort()).toEqual([...expected.values()].sort());
      }),
      { numRuns: 40 },
    );
  });
});
