/** A memory driver whose service takes no times and tells no digests: what clients say of both must be remembered here. */
import type { AnyDriver } from "#drivers/contract/driver.ts";
import type { Entry, Mount } from "#drivers/contract/mount.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { MemoryStore } from "#drivers/memory/store.ts";

export interface ForgetfulService {
  readonly driver: AnyDriver;
  /** What the service holds: to be changed behind the server's back. */
  readonly store: MemoryStore;
}

/** A new service; it outlives restarts of what mounts it. Its times are its own clock's. */
export function forgetfulService(): ForgetfulService {
  const store = new MemoryStore(Date.UTC(2020, 0, 1), "f");
  const plain = createMemoryDriver({
    id: "forgetful",
    aliases: [],
    store,
    traits: { hashes: [], setsModifiedAt: false },
  });
  const driver: AnyDriver = {
    ...plain,
    async open(settings, env, o) {
      const { setModifiedAt: _cannot, ...mount } = await plain.open(settings as never, env as never, o);
      return {
        ...mount,
        async *list(directory, options) {
          for await (const page of mount.list(directory, options)) yield page.map(withoutHashes);
        },
        async upload(parent, name, source, options) {
          const { modifiedAt: _ignored, ...rest } = source;
          return withoutHashes(
            await mount.upload!(parent, name, { ...rest, open: source.open, digest: source.digest }, options),
          );
        },
        copy: async (...of) => (await mount.copy!(...of)).map(outcomeWithoutHashes),
        move: async (...of) => (await mount.move!(...of)).map(outcomeWithoutHashes),
      } satisfies Mount;
    },
  };
  return { driver, store };
}

function outcomeWithoutHashes<O extends { readonly entry?: Entry }>(outcome: O): O {
  return outcome.entry ? { ...outcome, entry: withoutHashes(outcome.entry) } : outcome;
}

function withoutHashes(entry: Entry): Entry {
  const { hashes: _none, ...rest } = entry;
  return rest;
}
