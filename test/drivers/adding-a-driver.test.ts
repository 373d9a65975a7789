import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import got from "got";
import { expect, it, onTestFinished } from "vitest";
import { describeConfig } from "#drivers/contract/config.ts";
import { Registry } from "#drivers/registry.ts";
import { testEnv } from "./env.ts";

const calm = () => ({ signal: new AbortController().signal });

it("has a guide whose driver works as it stands (docs/adding-a-driver.md)", async () => {
  const guide = await readFile("docs/adding-a-driver.md", "utf8");
  const folder = await mkdtemp(join(tmpdir(), "pandav-guide-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const home = join(folder, "node_modules", "pandav-driver-index");
  await mkdir(home, { recursive: true });
  await symlink(resolve("node_modules/zod"), join(folder, "node_modules", "zod"));
  await writeFile(join(home, "package.json"), /```json\n([^`]*)```/.exec(guide)?.[1] ?? "");
  const code = /```js\n([\s\S]*?)\n```/.exec(guide)?.[1] ?? "";
  await writeFile(join(home, "index.js"), code);
  expect(code.split("\n").length).toBeLessThanOrEqual(70);

  const registry = new Registry();
  await registry.loadExternalDrivers(["pandav-driver-index"], folder);
  const driver = (await registry.find("index"))!;
  expect(describeConfig(driver.settings).map(({ name }) => name)).toEqual(["url"]);

  const server = createServer((_request, response) => {
    response.end(JSON.stringify([{ name: "a.iso", size: 3, url: "https://files.example.org/a.iso" }]));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/index.json`;
  const env = Object.create(testEnv(), { api: { value: got } });
  const mount = await driver.open(driver.settings.parse({ url }), env, calm());
  const root = await mount.root(calm());
  const entries = [];
  for await (const page of mount.list(root, calm())) entries.push(...page);
  expect(entries).toMatchObject([{ name: "a.iso", kind: "file", size: 3 }]);
  const link = await mount.link!(entries[0]!, { purpose: "proxy" }, calm());
  expect(link.url).toBe("https://files.example.org/a.iso");
  await expect(mount.list(entries[0]!, calm())[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    name: "StorageError",
    kind: "not-a-directory",
  });
});
