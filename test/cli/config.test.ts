import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readConfig, UsageError } from "#server/config.ts";

describe("the configuration", () => {
  let cwd: string;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), "pandav-config-"));
  });
  afterEach(() => rmSync(cwd, { recursive: true, force: true }));

  const at = (platform: NodeJS.Platform = "linux") => ({ cwd, home: "/home/mei", platform });

  it("listens on this machine alone, on AList's port, unless told otherwise", () => {
    expect(readConfig({}, {}, at())).toEqual({
      host: "127.0.0.1",
      port: 5244,
      dataDir: "/home/mei/.local/share/pandav",
      drivers: [],
      logLevel: "info",
      upstreams: {},
      basePath: "",
      settings: {},
    });
  });

  it("prefers flags to the environment", () => {
    const env = { PANDAV_HOST: "::1", PANDAV_PORT: "1", PANDAV_DATA: "/srv/a" };
    expect(readConfig({ host: "0.0.0.0", port: "8080", data: "/srv/b" }, env, at())).toMatchObject({
      host: "0.0.0.0",
      port: 8080,
      dataDir: "/srv/b",
    });
    expect(readConfig({}, env, at())).toMatchObject({ host: "::1", port: 1, dataDir: "/srv/a" });
  });

  it("takes an empty variable for an absent one", () => {
    const env = { PANDAV_HOST: "", PANDAV_PORT: "", PANDAV_DATA: "", PANDAV_ADMIN_PASSWORD: "", PANDAV_LOG: "" };
    expect(readConfig({}, env, at())).toEqual(readConfig({}, {}, at()));
  });

  it("takes ./data for the data folder only where Pandav has stored something in it", () => {
    mkdirSync(join(cwd, "data"));
    expect(readConfig({}, {}, at()).dataDir).toBe("/home/mei/.local/share/pandav");
    writeFileSync(join(cwd, "data", "pandav.db"), "");
    expect(readConfig({}, {}, at()).dataDir).toBe(join(cwd, "data"));
  });

  it.each([
    ["linux", { XDG_DATA_HOME: "/xdg" }, "/xdg/pandav"],
    ["linux", { XDG_DATA_HOME: "relative" }, "/home/mei/.local/share/pandav"],
    ["darwin", { XDG_DATA_HOME: "/xdg" }, "/home/mei/Library/Application Support/pandav"],
    ["win32", { LOCALAPPDATA: "/local" }, "/local/pandav"],
  ] as const)("uses the user's folder of %s with %o", (platform, env, expected) => {
    expect(readConfig({}, env, at(platform)).dataDir).toBe(expected);
  });

  it("resolves a relative data folder against the current one", () => {
    expect(readConfig({ data: "here" }, {}, at()).dataDir).toBe(join(cwd, "here"));
  });

  it("reads lists parted by commas or white space", () => {
    const env = {
      PANDAV_DRIVERS: "my-driver, ./other.ts",
      PANDAV_UPSTREAMS: "a.example=http://127.0.0.1:1 *.b.example=http://127.0.0.1:2",
    };
    expect(readConfig({}, env, at())).toMatchObject({
      drivers: ["my-driver", "./other.ts"],
      upstreams: { "a.example": "http://127.0.0.1:1", "*.b.example": "http://127.0.0.1:2" },
    });
  });

  it("takes the key that seals credentials", () => {
    const key = "0aF9".repeat(16);
    expect(readConfig({}, { PANDAV_SECRET_KEY: key }, at())).toMatchObject({ secretKey: key });
    expect(readConfig({}, {}, at())).not.toHaveProperty("secretKey");
  });

  it.each([
    [{ port: "http" }, {}, /^--port needs a number from 0 .* and not "http"$/],
    [{ port: "65536" }, {}, /^--port needs/],
    [{ port: "-1" }, {}, /^--port needs/],
    [{}, { PANDAV_PORT: "x" }, /^PANDAV_PORT needs/],
    [{ host: "" }, {}, /^--host needs an address/],
    [{}, { PANDAV_HOST: "a b" }, /^PANDAV_HOST needs/],
    [{ data: "" }, {}, /^--data needs the path/],
    [{}, { PANDAV_LOG: "loud" }, /^PANDAV_LOG needs one of trace, debug, info/],
    [{}, { PANDAV_UPSTREAMS: "a.example" }, /^PANDAV_UPSTREAMS needs host=origin/],
    [{}, { PANDAV_SECRET_KEY: "canary" }, /^PANDAV_SECRET_KEY needs 64 hexadecimal digits(?!.*canary)/],
  ])("refuses %o with %o in a line that names it and says what it needs", (flags, env, line) => {
    expect(() => readConfig(flags, env, at())).toThrow(UsageError);
    expect(() => readConfig(flags, env, at())).toThrow(line);
  });
});
