import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSettings } from "#server/store/settings.ts";
import { openStore, type Store } from "#server/store/store.ts";

describe("settings", () => {
  let dataDir: string;
  let store: Store;
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "pandav-settings-"));
    store = await openStore(dataDir);
  });
  afterEach(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it("have defaults, keep what is set over a restart, and store one row each", async () => {
    const settings = await openSettings(store);
    expect(settings.get("token_expires_in")).toBe(48);
    await settings.set("token_expires_in", 1);
    await settings.set("token_expires_in", 2);
    await settings.set("sign_all", false);
    expect(settings.get("token_expires_in")).toBe(2);
    await store.close();
    store = await openStore(dataDir);
    const again = await openSettings(store);
    expect([again.get("token_expires_in"), again.get("sign_all")]).toEqual([2, false]);
  });

  it("make the secrets once, in AList's form (alist-api.md §4.1)", async () => {
    const first = await openSettings(store);
    expect(first.get("jwt_secret")).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(first.get("token")).toMatch(/^alist-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}[A-Za-z0-9]{64}$/);
    const second = await openSettings(store);
    expect([second.get("jwt_secret"), second.get("token")]).toEqual([first.get("jwt_secret"), first.get("token")]);
  });

  it("are overridden without being stored, and cannot be changed meanwhile", async () => {
    const settings = await openSettings(store, {
      token_expires_in: "12",
      sign_all: "false",
      site_url: "8080",
      jwt_secret: undefined,
    });
    expect([settings.get("token_expires_in"), settings.get("sign_all"), settings.get("site_url")]).toEqual([
      12,
      false,
      "8080",
    ]);
    expect(settings.isFixed("token_expires_in")).toBe(true);
    await expect(settings.set("token_expires_in", 3)).rejects.toMatchObject({
      kind: "invalid-config",
      message: expect.stringContaining("config file"),
    });
    expect((await openSettings(store)).get("token_expires_in")).toBe(48);
  });

  it.each([
    [{ colour: "red" }, "colour"],
    [{ constructor: "x" }, "constructor"],
    [{ token_expires_in: 0 }, "token_expires_in"],
    [{ token_expires_in: "soon" }, "token_expires_in"],
    [{ jwt_secret: "short" }, "jwt_secret"],
  ])("refuse %j, naming the setting and not its value", async (overrides, name) => {
    const opened = openSettings(store, overrides);
    await expect(opened).rejects.toMatchObject({ kind: "invalid-config", message: expect.stringContaining(name) });
    await expect(opened).rejects.not.toMatchObject({ message: expect.stringContaining("short") });
  });

  it("refuse to store an unknown key or a wrong value", async () => {
    const settings = await openSettings(store);
    await expect(settings.set("colour" as "token", "red")).rejects.toMatchObject({ kind: "invalid-config" });
    await expect(settings.set("link_expiration", -1)).rejects.toMatchObject({ kind: "invalid-config" });
    expect(settings.get("link_expiration")).toBe(0);
  });
});
