import { describe, expect, it } from "vitest";
import type { Action } from "#server/auth/permission-bits.ts";
import { demandAdmin, fullPath, may, visiblePath } from "#server/auth/permissions.ts";
import type { User } from "#server/auth/users.ts";

const user = (more: Partial<User> = {}): User => ({
  id: 3,
  name: "alice",
  role: "general",
  basePath: "/docs",
  permission: 0,
  disabled: false,
  passwordChangedAt: 0,
  ...more,
});

describe("permissions", () => {
  it.each<[Action, number]>([
    ["write", 8],
    ["refresh", 8],
    ["rename", 16],
    ["move", 32],
    ["copy", 64],
    ["remove", 128],
    ["webdav-read", 256],
    ["webdav-properties", 512],
    ["webdav-write", 512 + 8],
    ["webdav-move", 512 + 32],
    ["webdav-move", 512 + 16],
    ["webdav-copy", 512 + 64],
    ["webdav-remove", 512 + 128],
  ])("%s needs the bits %i, all of them (alist-api.md §4.7)", (action, bits) => {
    expect(may(user({ permission: bits }), action, "/docs/a")).toBe(true);
    for (let bit = 1; bit <= bits; bit <<= 1) {
      if (bits & bit) expect(may(user({ permission: bits & ~bit }), action, "/docs/a")).toBe(false);
    }
  });

  it("lets every user read inside the base path, and nobody outside it (alist-api.md §4.8)", () => {
    expect(may(user(), "read", "/docs")).toBe(true);
    expect(may(user({ permission: 0xffff }), "read", "/docs2")).toBe(false);
    expect(may(user({ role: "admin", basePath: "/" }), "remove", "/anything")).toBe(true);
  });

  it("lets a disabled user do nothing, an admin neither", () => {
    expect(may(user({ disabled: true, role: "admin" }), "read", "/docs")).toBe(false);
    expect(() => demandAdmin(user({ disabled: true, role: "admin" }))).toThrow("You are not an admin");
    expect(() => demandAdmin(user())).toThrow("You are not an admin");
    demandAdmin(user({ role: "admin" }));
  });

  it.each([
    ["/", "/docs"],
    ["", "/docs"],
    ["a//b/", "/docs/a/b"],
  ])("joins the base path with %j (alist-api.md §4.8)", (path, full) => {
    expect(fullPath(user(), path)).toBe(full);
  });

  it.each(["..", "../x", "/a/../b", "/a/..", "/.", "/a\0"])("refuses the path %j (alist-api.md §4.8)", (path) => {
    expect(() => fullPath(user(), path)).toThrow(expect.objectContaining({ kind: "invalid-name" }));
  });

  it("shows full paths as the user knows them", () => {
    expect(visiblePath(user(), "/docs")).toBe("/");
    expect(visiblePath(user(), "/docs/a")).toBe("/a");
    expect(visiblePath(user(), "/docsx")).toBeUndefined();
    expect(visiblePath(user({ basePath: "/" }), "/docs")).toBe("/docs");
  });
});
