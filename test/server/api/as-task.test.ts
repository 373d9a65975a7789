import { describe, expect, it, onTestFinished } from "vitest";
import { forever } from "#test/support/vfs.ts";
import { openPermissionWorld } from "../permissions/world.ts";

const TOKEN = "alist-test-token";

describe("As-Task (alist-api.md §7.1)", () => {
  it("answers with the upload's task where the storage answers early, else with null, and info tells how far it is", async () => {
    const world = await openPermissionWorld({});
    world.deps.tasks.start();
    onTestFinished(() => world.close());
    const ask = async (target: string, method: "PUT" | "POST", headers: Record<string, string>, body: string) =>
      JSON.parse((await world.ask({ method, target, headers: { Authorization: TOKEN, ...headers }, body })).text);
    const put = (headers: Record<string, string>) =>
      ask("/api/fs/put", "PUT", { "File-Path": "/m/a.txt", ...headers }, "hello");
    expect((await put({ "As-Task": "true" })).data).toBeNull();
    const { id, mountPath, driver, settings } = world.deps.vfs.storages.at("/m")!;
    await world.deps.vfs.storages.update(id, { mountPath, driver, settings, writeMode: "back" }, forever);
    const { data } = await put({ "As-Task": "true" });
    expect(data.task).toMatchObject({ name: "upload a.txt to [/m](/)", creator: "admin", total_bytes: 5, error: "" });
    expect((await put({})).data).toBeNull();
    const found = await ask(`/api/task/upload/info?tid=${data.task.id}`, "POST", {}, "");
    expect(found.data).toMatchObject({ id: data.task.id, name: "upload a.txt to [/m](/)" });
    await expect.poll(() => world.deps.vfs.pending.list()).toEqual([]);
  });
});
