/** Names: hostile ones come back as they were given, or are refused as invalid. */
import { expect } from "vitest";
import type { NameRules } from "#drivers/contract/traits.ts";
import type { ContractCase } from "../mount-under-test.ts";
import { calm, contentOf, expectFailure, expectNames, listed, makeDirectory, names, put } from "../steps.ts";

const HOSTILE: readonly { readonly said: string; readonly name: string }[] = [
  { said: "an emoji of several code points", name: "🎬👩‍👩‍👧 film.txt" },
  { said: "%2F, which is no slash", name: "a%2Fb%2e%2e.txt" },
  { said: "255 bytes of UTF-8", name: `${"字".repeat(83)}ab.txt` },
  { said: "a trailing space", name: "trailing " },
  { said: "a trailing dot", name: "trailing." },
  { said: "a leading space", name: " leading.txt" },
  { said: "# ? & + ; ' and =", name: "#?&+;'=.txt" },
  { said: "quotes and angles", name: 'a"<b>.txt' },
  { said: "a pipe, a star and a colon", name: "a|b*c:d.txt" },
  { said: "a backslash", name: "back\\slash.txt" },
  { said: "three dots", name: "..." },
  { said: "a leading dot", name: ".hidden" },
  { said: "a leading dash", name: "-rf" },
  { said: "Chinese characters", name: "电影合集（全）·第１集.txt" },
  { said: "é as one code point (NFC)", name: "\u00e9.txt" },
  { said: "é as two code points (NFD)", name: "e\u0301.txt" },
  { said: "a right-to-left override", name: "a\u202egpj.exe" },
  { said: "a name that every object has", name: "__proto__" },
];

/** Characters that the vfs may have to give back to a service that listed them; the trait cannot name them. */
const CONTROL = "new\nline\ttab\x7f.txt";

/** What is no name anywhere (`drivers/contract/path.ts`). */
const NO_NAMES = ["", ".", "..", "a/b", "../escaped.txt", "/etc", "nul\0.txt"];

const writable: ContractCase["concerns"] = ({ can }) => can.upload;

export const nameCases: readonly ContractCase[] = [
  ...HOSTILE.map(
    ({ said, name }): ContractCase => ({
      name: `a name with ${said} is kept, or refused as invalid-name where the traits say so (traits.ts, NameRules)`,
      concerns: writable,
      async run(c) {
        const root = await c.mount.root(calm());
        if (isRefused(name, c.traits.names)) {
          await expectFailure(() => put(c, root, name, "x"), "invalid-name");
          expect(await names(c, root)).toEqual([]);
          return;
        }
        const entry = await put(c, root, name, "content");
        expect(entry.name).toBe(name);
        await expectNames(c, root, [name]);
        const file = await listed(c, root, name);
        if (c.can.read) expect((await contentOf(c, file)).toString()).toBe("content");
        if (c.mount.stat) expect(await c.mount.stat([name], calm())).toEqual(file);
        if (!c.can.createDirectory || !c.mount.remove) return;
        await c.mount.remove([file], { ...calm(), mode: "permanent" });
        const directory = await makeDirectory(c, root, name);
        expect(directory.name).toBe(name);
        await put(c, directory, "inside.txt", "y");
        await expectNames(c, await listed(c, root, name), ["inside.txt"]);
      },
    }),
  ),
  {
    name: "a name with control characters is kept or refused as invalid-name, never changed (architecture.md §3, name codec)",
    concerns: writable,
    async run(c) {
      const root = await c.mount.root(calm());
      const kept = await put(c, root, CONTROL, "x").then(
        () => true,
        async (error) => {
          await expectFailure(() => Promise.reject(error), "invalid-name");
          return false;
        },
      );
      expect(await names(c, root)).toEqual(kept ? [CONTROL] : []);
    },
  },
  {
    name: "composed and decomposed forms are two names (traits.ts, NameRules)",
    concerns: writable,
    async run(c) {
      const root = await c.mount.root(calm());
      await put(c, root, "\u00e9.txt", "composed");
      await put(c, root, "e\u0301.txt", "decomposed");
      await expectNames(c, root, ["\u00e9.txt", "e\u0301.txt"]);
    },
  },
  {
    name: "upper and lower case are two names, or one where the trait says so (traits.ts, NameRules.caseInsensitive)",
    concerns: writable,
    async run(c) {
      const root = await c.mount.root(calm());
      await put(c, root, "name.txt", "lower");
      if (c.traits.names.caseInsensitive) {
        await expectFailure(() => put(c, root, "NAME.txt", "upper"), "already-exists");
      } else {
        await put(c, root, "NAME.txt", "upper");
        await expectNames(c, root, ["NAME.txt", "name.txt"]);
      }
    },
  },
  {
    name: "the longest name that the traits allow is kept, one letter more is invalid-name (traits.ts, NameRules.maxBytes)",
    concerns: ({ can }) => can.upload && longestName(can.traits.names) !== undefined,
    async run(c) {
      const most = longestName(c.traits.names)!;
      const root = await c.mount.root(calm());
      await put(c, root, `${"n".repeat(most - 4)}.txt`, "x");
      await expectFailure(() => put(c, root, `${"n".repeat(most - 3)}.txt`, "x"), "invalid-name");
      if (c.can.createDirectory) {
        await expectFailure(() => makeDirectory(c, root, "d".repeat(most + 1)), "invalid-name");
      }
      await expectNames(c, root, [`${"n".repeat(most - 4)}.txt`]);
    },
  },
  ...NO_NAMES.map(
    (name): ContractCase => ({
      name: `${JSON.stringify(name)} is invalid-name for every method that takes a name (path.ts, checkName)`,
      concerns: ({ can }) => can.upload || can.createDirectory,
      async run(c) {
        const root = await c.mount.root(calm());
        const into = c.can.createDirectory ? await makeDirectory(c, root, "into") : root;
        if (c.can.createDirectory) await expectFailure(() => makeDirectory(c, into, name), "invalid-name");
        if (!c.can.upload) return;
        await expectFailure(() => put(c, into, name, "x"), "invalid-name");
        await expectFailure(() => put(c, into, name, "x", "rename"), "invalid-name");
        const file = await put(c, into, "file.txt", "x");
        const options = { ...calm(), name, conflict: "fail" as const };
        if (c.mount.move) await expectFailure(() => c.mount.move!([file], into, options), "invalid-name");
        if (c.mount.copy) await expectFailure(() => c.mount.copy!([file], into, options), "invalid-name");
        await expectNames(c, into, ["file.txt"]);
        await expectNames(c, root, into === root ? ["file.txt"] : ["into"]);
      },
    }),
  ),
];

function isRefused(name: string, rules: NameRules): boolean {
  return (
    (rules.maxBytes !== undefined && Buffer.byteLength(name) > rules.maxBytes) ||
    (rules.maxCharacters !== undefined && name.length > rules.maxCharacters) ||
    [...(rules.forbidden ?? "")].some((character) => name.includes(character)) ||
    (rules.noTrailingDotOrSpace === true && /[. ]$/.test(name))
  );
}

/** Most letters of one byte that a name may have; undefined where nothing is said. */
function longestName({ maxBytes, maxCharacters }: NameRules): number | undefined {
  const most = Math.min(maxBytes ?? Number.POSITIVE_INFINITY, maxCharacters ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(most) ? most : undefined;
}
