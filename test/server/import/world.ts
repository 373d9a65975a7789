/** An API with local folders, into which databases of others are imported. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { local } from "#drivers/local/index.ts";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { changesIn } from "#server/api/setting-items.ts";
import { type Dump, parseDump } from "#server/import/dump.ts";
import { readAlistFile } from "#server/import/read-file.ts";
import type { ImportRow } from "#server/import/step.ts";
import { type Api, type ApiOptions, openApi } from "#test/server/api/world.ts";
import { type AlistDatabase, makeAlistDatabase } from "#test/support/alist-database.ts";
import { forever } from "#test/support/vfs.ts";

export interface ImportWorld {
  readonly api: Api;
  /** Where the other server's database is. */
  readonly folder: string;
  readonly file: string;
  /** Root of `/docs`. */
  readonly docs: string;
  dump(): Dump;
  run(apply: boolean, dump?: Dump): Promise<ImportRow[]>;
  /** Names and content of everything in the other server's folder. */
  source(): string;
  close(): Promise<void>;
}

export async function openImportWorld(
  o: Partial<AlistDatabase> & Pick<AlistDatabase, "flavour"> & { readonly api?: ApiOptions },
): Promise<ImportWorld> {
  const folder = mkdtempSync(join(tmpdir(), "pandav-alist-"));
  const docs = join(folder, "docs");
  mkdirSync(join(docs, "secret"), { recursive: true });
  mkdirSync(join(docs, "hide"));
  writeFileSync(join(docs, "a.txt"), "a of old");
  writeFileSync(join(docs, "hide", "x.tmp"), "x");
  const database = makeAlistDatabase({ folder, local: { "/docs": docs }, ...o });
  const api = await openApi({
    drivers: [local, createMemoryDriver()],
    mount: false,
    settings: { token: undefined },
    ...o.api,
  });
  const dump = () => parseDump(readAlistFile(database.file, { scratchIn: tmpdir() }));
  const settingChanges = (items: Parameters<typeof changesIn>[0]) => changesIn(items, api.deps.settings);
  return {
    api,
    folder,
    file: database.file,
    docs,
    dump,
    async run(apply, from = dump()) {
      const rows: ImportRow[] = [];
      for await (const row of api.deps.importer.run(from, { apply, settingChanges, ...forever })) rows.push(row);
      return rows;
    },
    source: () =>
      readdirSync(folder)
        .sort()
        .filter((name) => name !== "docs")
        .map(
          (name) =>
            `${name} ${createHash("sha256")
              .update(readFileSync(join(folder, name)))
              .digest("hex")}`,
        )
        .join("\n"),
    async close() {
      await api.close();
      database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** `what name: outcome` of each. */
export function said(rows: readonly ImportRow[]): string[] {
  return rows.map(({ what, name, outcome }) => `${what} ${name}: ${outcome}`);
}
