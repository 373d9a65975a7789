/** Every page of OpenList's built front end, and everything that it asks a server for (alist-api.md §16.1). */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { pseudoRandomBytes } from "#test/support/pseudo-random.ts";
import { withTools } from "#test/support/tools.ts";
import { chooseInField } from "./front-end-person.ts";
import { type FrontEndWorld, openFrontEndWorld } from "./front-end-world.ts";

/** A bit over one piece of an upload in pieces. */
const LARGE = 12_000_000;

withTools(["chromium"])("every page of OpenList's front end", () => {
  let world: FrontEndWorld;
  beforeAll(async () => {
    world = await openFrontEndWorld();
  });
  afterAll(() => world.close());

  it("does what it is for, and asks for nothing that is not there (alist-api.md §16.1)", async ({ onTestFailed }) => {
    const { front, person, first, second, third, server } = world;
    const { page } = front;
    onTestFailed(() => front.picture("failed"));
    await front.logIn(server.user, server.password);
    await front.picture("root");
    await person.enter("first");
    await person.makeFolder("新建文件夹");
    await person.makeFile("note.md");
    await person.upload(
      { name: "small.bin", content: Buffer.alloc(1000, 7) },
      { name: "large.bin", content: pseudoRandomBytes(LARGE, 1) },
    );
    await person.sees("large.bin");
    await front.picture("after-upload");
    expect(readFileSync(join(first, "large.bin")).equals(pseudoRandomBytes(LARGE, 1))).toBe(true);
    await person.rename("hello.txt", "renamed.txt");
    await person.remove("small.bin");
    await person.misses("small.bin");
    await person.take("Copy", "课件", "second");
    await person.take("Move", "large.bin", "second");
    for (const kind of ["copy", "move"]) {
      await front.open(`/@manage/tasks/${kind}`);
      await page.getByText("Succeeded", { exact: true }).first().waitFor();
      await front.picture(`tasks-${kind}`);
    }
    expect(readdirSync(second).sort()).toEqual(["large.bin", "课件"].sort());
    expect(existsSync(join(first, "large.bin"))).toBe(false);

    await front.open("/@manage/storages/add");
    await person.addStorage("Local", { mount_path: "/third", root_folder_path: third });
    await front.open("/@manage/storages");
    await page.getByRole("button", { name: "Edit" }).last().click();
    await page.locator("#remark").fill("a remark");
    await front.picture("storage-form");
    await person.submit("Save");
    await page.getByText("/third").first().waitFor();
    await front.picture("storages");
    await Promise.all([
      page.waitForResponse(/\/storage\/disable\?/),
      page.getByRole("button", { name: "Disable" }).last().click(),
    ]);
    await Promise.all([page.waitForResponse(/\/storage\/enable\?/), person.press("Enable")]);

    await front.open("/@manage/users/add");
    await page.locator("#username").fill("ann");
    await page.locator("#password").fill("a password of ann");
    await chooseInField(page, "base_path", "first");
    await page.getByText("Rename", { exact: true }).click();
    await person.submit("Add");
    await front.open("/@manage/users");
    await page.getByText("ann", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Edit" }).last().click();
    await page.getByText("Copy", { exact: true }).click();
    await front.picture("user-form");
    await person.submit("Save");

    await front.open("/@manage/metas/add");
    await page.locator("#path").fill("/first");
    await page.locator("#readme").fill('# Read me\n\n<img src="/logo.svg" onload="document.title=1">');
    await person.submit("Add");
    await front.open("/@manage/settings/site");
    await page.locator("#site_title").fill("The title of this test");
    await Promise.all([page.waitForResponse(/\/setting\/save$/), person.press("Save")]);
    await front.open("/first");
    await page.getByRole("heading", { name: "Read me" }).waitFor();
    await front.picture("readme");
    expect(await page.title()).toContain("The title of this test");

    await person.search("课件", "/first");
    await front.picture("search");
    await front.open("/first");

    const address = await person.share("renamed.txt");
    await front.open("/first/renamed.txt");
    await page.getByText("hello there").first().waitFor();
    await front.picture("text");
    writeFileSync(join(first, "页面.html"), "<h1>a page</h1>");
    await front.open(`/first/${encodeURIComponent("页面.html")}`);
    await page.frameLocator("iframe").getByRole("heading", { name: "a page" }).waitFor();

    for (const path of PAGES) {
      await front.open(`/@manage/${path}`);
      await front.settled();
      await front.picture(path.replaceAll("/", "-"));
      expect(await page.getByText(/System error|Unknown type/).count(), path).toBe(0);
    }
    await front.open("/@manage");
    await Promise.all([page.waitForResponse(/\/auth\/logout$/), page.getByLabel("logout").click()]);
    await page.goto(address);
    await person.enter("renamed.txt");
    const link = page.getByText("Download", { exact: true });
    await link.waitFor();
    await front.picture("share");
    const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
    expect(readFileSync(await download.path(), "utf8")).toBe("hello there\n");

    await world.expectOnly(REQUESTS, ["GET /api/me: 200 401 Guest user is disabled, login please"]);
  });
});

/** Pages of the administration that nothing above has opened; the one about OpenList needs a foreign host. */
const PAGES = [
  ...["site", "style", "preview", "global", "sso", "ldap", "s3", "ftp", "traffic", "other"].map((n) => `settings/${n}`),
  ...["offline_download", "upload", "decompress"].map((name) => `tasks/${name}`),
  ...["metas", "indexes", "shares", "backup-restore"],
];

/** All that it asks for, files of its own aside. */
const REQUESTS = [
  "GET /api/admin/driver/info",
  "GET /api/admin/driver/list",
  "GET /api/admin/driver/names",
  "GET /api/admin/index/progress",
  "GET /api/admin/meta/list",
  "GET /api/admin/scan/progress",
  "GET /api/admin/setting/list",
  "GET /api/admin/storage/get",
  "GET /api/admin/storage/list",
  "GET /api/admin/user/get",
  "GET /api/admin/user/list",
  "GET /api/admin/user/sshkey/list",
  "GET /api/auth/logout",
  "GET /api/me",
  "GET /api/me/sshkey/list",
  "GET /api/public/archive_extensions",
  "GET /api/public/offline_download_tools",
  "GET /api/public/settings",
  "GET /api/share/list",
  "GET /api/task/copy/done",
  "GET /api/task/copy/undone",
  "GET /api/task/decompress/done",
  "GET /api/task/decompress/undone",
  "GET /api/task/decompress_upload/done",
  "GET /api/task/decompress_upload/undone",
  "GET /api/task/move/done",
  "GET /api/task/move/undone",
  "GET /api/task/offline_download/done",
  "GET /api/task/offline_download/undone",
  "GET /api/task/offline_download_transfer/done",
  "GET /api/task/offline_download_transfer/undone",
  "GET /api/task/upload/done",
  "GET /api/task/upload/undone",
  "GET /logo.svg",
  "GET /p/first/%E9%A1%B5%E9%9D%A2.html",
  "GET /p/first/renamed.txt",
  "POST /api/admin/meta/create",
  "POST /api/admin/setting/save",
  "POST /api/admin/storage/create",
  "POST /api/admin/storage/disable",
  "POST /api/admin/storage/enable",
  "POST /api/admin/storage/update",
  "POST /api/admin/user/create",
  "POST /api/admin/user/update",
  "POST /api/auth/login/hash",
  "POST /api/fs/copy",
  "POST /api/fs/dirs",
  "POST /api/fs/get",
  "POST /api/fs/list",
  "POST /api/fs/mkdir",
  "POST /api/fs/move",
  "POST /api/fs/multipart/complete",
  "POST /api/fs/multipart/init",
  "POST /api/fs/remove",
  "POST /api/fs/rename",
  "POST /api/fs/search",
  "POST /api/share/create",
  "PUT /api/fs/multipart/chunk",
  "PUT /api/fs/put",
];
