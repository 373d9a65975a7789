/** The suite itself: each mutant breaks one sentence of the contract, and the case that says so must fail on it. */
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Entry, Mount, UploadSource } from "#drivers/contract/mount.ts";
import { CONTRACT_CASES, expectException, runCase } from "./describeMount.ts";
import { openMemory } from "./memory-storage.ts";
import type { ContractCase, MountSuite } from "./mount-under-test.ts";

const open = openMemory();

/** A mount of which some methods do other than they should. */
function mutant(change: (mount: Mount) => Partial<Mount>): MountSuite["open"] {
  return async () => {
    const opened = await open();
    return { ...opened, mount: { ...opened.mount, ...change(opened.mount) } };
  };
}

function caseNamed(start: string): ContractCase {
  const found = CONTRACT_CASES.filter(({ name }) => name.startsWith(start));
  expect(found, `cases that begin "${start}"`).toHaveLength(1);
  return found[0]!;
}

const MUTANTS: readonly { readonly does: string; readonly caughtBy: string; readonly open: MountSuite["open"] }[] = [
  {
    does: "drops the second page of a listing",
    caughtBy: "a listing of more than two pages is whole",
    open: mutant((mount) => ({
      async *list(directory, o) {
        let page = 0;
        for await (const entries of mount.list(directory, o)) if (++page !== 2) yield entries;
      },
    })),
  },
  {
    does: "lists a page twice",
    caughtBy: "a listing of more than two pages is whole",
    open: mutant((mount) => ({
      async *list(directory, o) {
        for await (const entries of mount.list(directory, o)) {
          yield entries;
          if (entries.length === 1000) yield entries;
        }
      },
    })),
  },
  {
    does: "ends a listing on abort as if it were complete",
    caughtBy: "a listing aborted between two pages",
    open: mutant((mount) => ({
      async *list(directory, o) {
        for await (const entries of mount.list(directory, { ...o, signal: new AbortController().signal })) {
          if (o.signal.aborted) return;
          yield entries;
        }
      },
    })),
  },
  {
    does: "answers a missing directory with an empty listing",
    caughtBy: "listing a directory that is gone fails not-found",
    open: mutant((mount) => ({
      async *list(directory, o) {
        try {
          yield* mount.list(directory, o);
        } catch {
          yield [];
        }
      },
    })),
  },
  {
    does: "reads HTTP's inclusive end",
    caughtBy: "reads bytes in the middle",
    open: mutant((mount) => ({
      read: (file, range, o) =>
        mount.read!(file, range?.length === undefined ? range : { ...range, length: range.length + 1 }, o),
    })),
  },
  {
    does: "reads nothing where a range begins past the end",
    caughtBy: "a range that begins right behind the last byte",
    open: mutant((mount) => ({
      read: (file, range, o) =>
        range && range.offset >= (file.size ?? 0) ? Promise.resolve(Readable.from([])) : mount.read!(file, range, o),
    })),
  },
  {
    does: "wraps the reason of an abort",
    caughtBy: "an abort while bytes flow fails the stream",
    open: mutant((mount) => ({
      async read(file, range, o) {
        const stream = await mount.read!(file, range, { signal: new AbortController().signal });
        o.signal.addEventListener("abort", () => stream.destroy(new StorageError("unavailable", "aborted")));
        return stream;
      },
    })),
  },
  {
    does: "ignores a signal that is already aborted",
    caughtBy: "createDirectory: a signal that is already aborted",
    open: mutant((mount) => ({
      createDirectory: (parent, name) => mount.createDirectory!(parent, name, { signal: new AbortController().signal }),
    })),
  },
  {
    does: "removes the old file before the new one is there",
    caughtBy: "the old file stays when the new one's source fails in the middle",
    open: mutant((mount) => ({
      async upload(parent, name, source, o) {
        if (o.conflict === "replace") await removeNamed(mount, parent, name);
        return mount.upload!(parent, name, source, o);
      },
    })),
  },
  {
    does: "stores what is shorter than its source said",
    caughtBy: "a source that gives fewer bytes than it said",
    open: mutant((mount) => ({
      upload: (parent, name, source, o) => mount.upload!(parent, name, withoutSize(source), o),
    })),
  },
  {
    does: "replaces where it was told to fail",
    caughtBy: "conflict fail: a taken name fails already-exists",
    open: mutant((mount) => ({
      upload: (parent, name, source, o) => mount.upload!(parent, name, source, { ...o, conflict: "replace" }),
    })),
  },
  {
    does: "stores one byte wrong",
    caughtBy: "a file of 65536 bytes reads back",
    open: mutant((mount) => ({
      upload: (parent, name, source, o) =>
        mount.upload!(parent, name, { ...source, open: async () => flipFirst(await source.open()) }, o),
    })),
  },
  {
    does: "lists the hash of something else",
    caughtBy: "hashes that the traits declare are listed, and right (traits.ts",
    open: mutant((mount) => ({
      async *list(directory, o) {
        for await (const page of mount.list(directory, o)) {
          yield page.map((entry) => ({ ...entry, hashes: { sha1: "0".repeat(40) } }));
        }
      },
    })),
  },
  {
    does: "trims names",
    caughtBy: "a name with a trailing space",
    open: mutant((mount) => ({
      upload: (parent, name, source, o) => mount.upload!(parent, name.trim(), source, o),
    })),
  },
  {
    does: "composes names",
    caughtBy: "a name with é as two code points",
    open: mutant((mount) => ({
      upload: (parent, name, source, o) => mount.upload!(parent, name.normalize("NFC"), source, o),
    })),
  },
  {
    does: "is silent about an entry that is gone",
    caughtBy: "removing several, one of them gone",
    open: mutant((mount) => ({
      async remove(entries, o) {
        return (await mount.remove!(entries, o)).filter(({ error }) => !error);
      },
    })),
  },
  {
    does: "removes the target of a move that replaces before it looks whether it is the same",
    caughtBy: "a file moved onto itself with replace",
    open: mutant((mount) => ({
      async move(entries, parent, o) {
        if (o.conflict === "replace") await removeNamed(mount, parent, o.name ?? entries[0]!.name);
        return mount.move!(entries, parent, o);
      },
    })),
  },
  {
    does: "gives a moved file another id",
    caughtBy: "ids stay across moves and renames",
    open: mutant((mount) => ({
      async move(entries, parent, o) {
        const outcomes = await mount.copy!(entries, parent, o);
        await mount.remove!(entries, { ...o, mode: "permanent" });
        return outcomes;
      },
    })),
  },
  {
    does: "keeps the old name beside the new one",
    caughtBy: "rename: the name changes",
    open: mutant((mount) => ({ move: (entries, parent, o) => mount.copy!(entries, parent, o) })),
  },
  {
    does: "copies a directory without what is in it",
    caughtBy: "copy: a directory with all that it contains",
    open: mutant((mount) => ({
      async copy([entry], parent, o) {
        return [{ entry: await mount.createDirectory!(parent, o.name ?? entry!.name, o) }];
      },
    })),
  },
  {
    does: "sets times in seconds",
    caughtBy: "a time that is set is listed",
    open: mutant((mount) => ({
      setModifiedAt: (entry, ms, o) => mount.setModifiedAt!(entry, Math.floor(ms / 1000), o),
    })),
  },
  {
    does: "needs what only the listing's own object has",
    caughtBy: "entries can be stored and given back",
    open: mutant((mount) => {
      const known = new WeakSet<Entry>();
      return {
        async *list(directory, o) {
          for await (const page of mount.list(directory, o)) {
            for (const entry of page) known.add(entry);
            yield page;
          }
        },
        async read(file, range, o) {
          if (!known.has(file)) throw new StorageError("not-found", "unknown object");
          return mount.read!(file, range, o);
        },
      };
    }),
  },
];

describe("the contract suite", () => {
  it.each(MUTANTS)("catches a mount that $does", async ({ caughtBy, open: openMutant }) => {
    const contractCase = caseNamed(caughtBy);
    await expect(runCase(contractCase, open), "the mount that does it right").resolves.toBeUndefined();
    await expect(runCase(contractCase, openMutant)).rejects.toThrow();
  });

  it("has cases with names of their own, so that an exception means one", () => {
    const names = CONTRACT_CASES.map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  it("fails an exception whose case passes", async () => {
    const { name } = caseNamed("the root is a directory");
    const exception = { case: name, reason: "none", fact: "none" };
    await expect(expectException(exception, caseNamed("the root is a directory"), open)).rejects.toThrow(
      /no exception/,
    );
    const { caughtBy, open: openMutant } = MUTANTS[0]!;
    await expect(expectException(exception, caseNamed(caughtBy), openMutant)).resolves.toBeUndefined();
  });
});

async function removeNamed(mount: Mount, parent: Entry, name: string): Promise<void> {
  const o = { signal: new AbortController().signal };
  for await (const page of mount.list(parent, o)) {
    const old = page.filter((entry) => entry.name === name);
    await mount.remove!(old, { ...o, mode: "permanent" });
  }
}

function withoutSize({ size: _size, ...source }: UploadSource): UploadSource {
  return source;
}

async function flipFirst(body: Readable): Promise<Readable> {
  const bytes = await buffer(body);
  bytes[0]! ^= 1;
  return Readable.from([bytes]);
}
