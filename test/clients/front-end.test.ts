/** OpenList's built front end, as a person uses it in Chromium (alist-api.md §16.1). */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withTools } from "#test/support/tools.ts";
import { type FrontEndWorld, openFrontEndWorld } from "./front-end-world.ts";

withTools(["chromium"])("OpenList's front end in Chromium", () => {
  let world: FrontEndWorld;
  beforeAll(async () => {
    world = await openFrontEndWorld();
  });
  afterAll(() => world.close());

  it("logs in, browses, uploads, renames, moves, copies to another mount, shows the task, adds a storage (alist-api.md §16.1)", async ({
    onTestFailed,
  }) => {
    onTestFailed(() => world.front.picture("failed"));
    const { front, person, first, second, third, server } = world;
    await front.logIn(server.user, server.password);
    await front.picture("root");
    await person.enter("first");
    await person.sees("课件");
    await person.upload({ name: "上传.bin", content: Buffer.alloc(100_000, 5) });
    await person.sees("上传.bin");
    await person.rename("hello.txt", "renamed.txt");
    await person.sees("renamed.txt");
    await person.take("Copy", "films", "second");
    await person.take("Move", "上传.bin", "second");
    await front.open("/@manage/tasks/copy");
    await front.page.getByText("Succeeded").first().waitFor();
    await front.picture("tasks");
    await front.open("/@manage/storages/add");
    await person.addStorage("Local", { mount_path: "/third", root_folder_path: third });
    await front.open("/third");
    await front.page.getByText("third").first().waitFor();
    await expect.poll(() => existsSync(join(second, "上传.bin"))).toBe(true);
    await expect.poll(() => existsSync(join(first, "上传.bin"))).toBe(false);
    expect(statSync(join(second, "films/a.bin")).size).toBe(300_000);
    expect(readFileSync(join(second, "上传.bin"))).toEqual(Buffer.alloc(100_000, 5));
    expect(existsSync(join(first, "renamed.txt"))).toBe(true);
    await world.expectOnly(
      [
        "GET /api/admin/driver/list",
        "GET /api/me",
        "GET /api/public/archive_extensions",
        "GET /api/public/offline_download_tools",
        "GET /api/public/settings",
        "GET /api/task/copy/done",
        "GET /api/task/copy/undone",
        "GET /logo.svg",
        "POST /api/admin/storage/create",
        "POST /api/auth/login/hash",
        "POST /api/fs/copy",
        "POST /api/fs/dirs",
        "POST /api/fs/get",
        "POST /api/fs/list",
        "POST /api/fs/move",
        "POST /api/fs/rename",
        "PUT /api/fs/put",
      ],
      ["GET /api/me: 200 401 Guest user is disabled, login please"],
    );
  });
});
