import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { openVault } from "#server/accounts/vault.ts";

const OWNER = { kind: "box", id: 7 };
const KEY = "ab".repeat(32);

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "pandav-vault-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

it("seals under a key that it makes, mode 0600, and opens after a restart (architecture.md §4)", () => {
  const data = folder();
  const sealed = openVault(data).seal('{"token":"canary"}', OWNER);
  expect(sealed).not.toContain("canary");
  const file = join(data, "secret.key");
  if (process.platform !== "win32") expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, "utf8")).toMatch(/^[0-9a-f]{64}\n$/);
  expect(openVault(data).open(sealed, OWNER)).toBe('{"token":"canary"}');
});

it("seals the same text differently each time, so that nobody sees what is equal", () => {
  const vault = openVault(folder());
  expect(vault.seal("same", OWNER)).not.toBe(vault.seal("same", OWNER));
});

it("opens for nobody but the account that it was sealed for", () => {
  const vault = openVault(folder());
  const sealed = vault.seal("text", OWNER);
  for (const other of [
    { ...OWNER, id: 8 },
    { ...OWNER, kind: "other" },
  ]) {
    expect(() => vault.open(sealed, other)).toThrow(expect.objectContaining({ kind: "unauthenticated" }));
  }
});

it("refuses what was tampered with, cut, or sealed in another way", () => {
  const vault = openVault(folder());
  const sealed = vault.seal("some text", OWNER);
  const bytes = Buffer.from(sealed.slice(2), "base64");
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  for (const wrong of [`1.${bytes.toString("base64")}`, sealed.slice(0, 20), "1.", "", `2.${sealed.slice(2)}`]) {
    expect(() => vault.open(wrong, OWNER)).toThrow(expect.objectContaining({ kind: "unauthenticated" }));
  }
});

it("takes the key from the environment, and then makes no file", () => {
  const data = folder();
  const sealed = openVault(data, KEY).seal("text", OWNER);
  expect(() => statSync(join(data, "secret.key"))).toThrow();
  expect(openVault(data, KEY.toUpperCase()).open(sealed, OWNER)).toBe("text");
});

it("says in one line that names the key and the remedy when the key is another", () => {
  const data = folder();
  const sealed = openVault(data).seal("text", OWNER);
  const file = join(data, "secret.key");
  writeFileSync(file, `${KEY}\n`);
  const line =
    /^the login of account 7 \(box\) cannot be read: \S+secret\.key is not the key .*"pandav auth --kind box"$/;
  expect(() => openVault(data).open(sealed, OWNER)).toThrow(
    expect.objectContaining({ message: expect.stringMatching(line) }),
  );
  rmSync(file);
  expect(() => openVault(data).open(sealed, OWNER)).toThrow(/the key file \S+ is missing: put it back/);
  expect(() => openVault(data, KEY).open(sealed, OWNER)).toThrow(/PANDAV_SECRET_KEY is not the key/);
});

it("refuses to seal where the key file holds no key, instead of making another", () => {
  const data = folder();
  writeFileSync(join(data, "secret.key"), "not a key");
  expect(() => openVault(data).seal("text", OWNER)).toThrow(/secret\.key holds no key: put the right one back/);
  expect(readFileSync(join(data, "secret.key"), "utf8")).toBe("not a key");
});
