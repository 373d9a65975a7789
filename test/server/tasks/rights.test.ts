import { describe, expect, it } from "vitest";
import { BIT } from "#server/auth/permission-bits.ts";
import { openTaskWorld } from "./world.ts";

const SEEDS = { from: { d: { "a.txt": "a", "x.hidden": "x" }, "top.txt": "top" }, to: { in: {} } };
const NO_RULES = { write: false, writeSub: false, readme: "", readmeSub: false, header: "", headerSub: false };
const EVERYTHING = BIT.copy | BIT.move | BIT.write;
const copy = (from: string, to: string) => ({ from, to, conflict: "fail" as const });

describe("the rights of who asked", () => {
  it("are asked when he asks: copy or move of the source, write of the target", async () => {
    const { add, user, tasks } = await openTaskWorld({ seeds: SEEDS });
    const [writer, copier, both] = [
      await user("writer", BIT.write),
      await user("copier", BIT.copy),
      await user("both", BIT.copy | BIT.write),
    ];
    const input = copy("/from/top.txt", "/to/top.txt");
    for (const who of [writer, copier]) await expect(add("copy", input, who)).rejects.toMatchObject({ code: 403 });
    await expect(add("move", input, both)).rejects.toMatchObject({ code: 403 });
    expect(await tasks.list({})).toEqual([]);
    expect(await add("copy", input, both)).toMatchObject({ creator: "both", creatorRole: "general" });
  });

  it("are asked again when it runs", async () => {
    const { add, user, tasks, until, auth, tree } = await openTaskWorld({ seeds: SEEDS, start: false });
    const ann = await user("ann", EVERYTHING);
    const { id } = await add("copy", copy("/from/top.txt", "/to/top.txt"), ann);
    await auth.users.update(ann.id, { name: "ann", basePath: "/", permission: BIT.copy, disabled: false });
    tasks.start();
    expect((await until(id, "failed")).error).toMatchObject({ kind: "permission-denied", class: "permanent" });
    expect(await tree("/to")).toEqual({ "in/": "" });
  });

  it("let him move without the right to delete: the source goes once it is there", async () => {
    const { add, user, until, tree } = await openTaskWorld({ seeds: { from: { d: { a: "a" } }, to: {} } });
    const { id } = await add("move", copy("/from/d", "/to/d"), await user("ann", BIT.move | BIT.write));
    await until(id, "succeeded");
    expect([await tree("/from"), await tree("/to")]).toEqual([{}, { "d/": "", "d/a": "a" }]);
  });

  it("show him nothing that is hidden from him, and open no folder with a password", async () => {
    const { add, user, auth } = await openTaskWorld({ seeds: SEEDS });
    const ann = await user("ann", EVERYTHING);
    const meta = { ...NO_RULES, passwordSub: true, hideSub: true };
    const { id } = await auth.metas.create({ ...meta, path: "/from/d", hide: "\\.hidden$", password: "" });
    await expect(add("copy", copy("/from/d", "/to/d"), ann)).rejects.toMatchObject({ code: 403 });
    await expect(add("copy", copy("/from/d/x.hidden", "/to/x"), ann)).rejects.toMatchObject({ code: 403 });
    await auth.metas.remove(id);
    await auth.metas.create({ ...meta, path: "/from/d", hide: "", password: "open" });
    await expect(add("copy", copy("/from/d", "/to/d"), ann)).rejects.toMatchObject({ code: 403 });
  });

  it("end at his folder, and at mount points, which are not moved or replaced with the files around them", async () => {
    const { add, user } = await openTaskWorld({ seeds: SEEDS });
    const ann = await user("ann", EVERYTHING, "/from");
    await expect(add("copy", copy("/from/top.txt", "/to/top.txt"), ann)).rejects.toMatchObject({ code: 403 });
    for (const [from, to] of [
      ["/from", "/to/in/x"],
      ["/from/d", "/to"],
      ["/from/d", "/from/d/e"],
      ["/from/d", "/from/d"],
    ]) {
      const refused = add("copy", copy(from!, to!));
      await expect(refused, `${from} to ${to}`).rejects.toMatchObject({ kind: "permission-denied" });
    }
    await expect(add("copy", copy("/from/d", "/none/d"))).rejects.toMatchObject({ kind: "not-found" });
  });
});

describe("deleting by a task", () => {
  it("removes what lay there, is content with what is gone, and leaves what has appeared since", async () => {
    const { add, until, tree, put, vfs, clock, tasks } = await openTaskWorld({
      seeds: { m: { a: "1", b: "2", c: "3", d: { e: "4" } } },
      start: false,
    });
    const { id } = await add("delete", { paths: ["/m/a", "/m/none", "/m/d", "/m/c"] });
    // Noted when it begins; one of them is replaced before its turn.
    tasks.start();
    await until(id, "succeeded");
    expect(await tree("/m")).toEqual({ b: "2" });
    await put("/m/a", "another");
    await vfs.stat("/m/a", { signal: new AbortController().signal });
    await clock.advance(1_000);
    expect(await tree("/m")).toEqual({ a: "another", b: "2" });
  });

  it("is refused to who may not delete", async () => {
    const { add, user } = await openTaskWorld({ seeds: { m: { a: "1" } } });
    const ann = await user("ann", EVERYTHING);
    await expect(add("delete", { paths: ["/m/a"] }, ann)).rejects.toMatchObject({ code: 403 });
  });
});
