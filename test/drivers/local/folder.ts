/** A temporary folder mounted by the driver `local`, with a place outside it, and steps that the tests share. */
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import type { Entry, Mount } from "#drivers/contract/mount.ts";
import { local } from "#drivers/local/index.ts";
import { NO_DESCRIPTOR_PATHS } from "#drivers/local/mount.ts";
import { type TestEnv, testEnv } from "#test/drivers/env.ts";

export interface Folder {
  readonly mount: Mount;
  readonly env: TestEnv;
  /** Absolute path of the mounted folder. */
  readonly root: string;
  /** Absolute path of a folder beside it. */
  readonly outside: string;
  rootEntry(): Promise<Entry>;
  entry(...path: string[]): Promise<Entry>;
  names(id?: string): Promise<string[]>;
  /** The folder mounted again with the same state, as after a restart. */
  again(): Promise<Mount>;
}

/** Options of one call that nobody aborts. */
export const calm = () => ({ signal: new AbortController().signal });

/** A new folder, removed when the test is over. */
export async function openFolder(settings: { verify_writes?: boolean } = {}, anchored = true): Promise<Folder> {
  const base = await realpath(await mkdtemp(join(tmpdir(), "pandav-local-")));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  const [root, outside] = [join(base, "root"), join(base, "outside")];
  await mkdir(root);
  await mkdir(outside);
  const env = testEnv(Date.now(), { [NO_DESCRIPTOR_PATHS]: !anchored });
  const again = () => local.open(local.settings.parse({ root, ...settings }), env, calm());
  const mount = await again();
  return {
    mount,
    again,
    env,
    root,
    outside,
    rootEntry: () => mount.root(calm()),
    entry: (...path) => mount.stat!(path, calm()),
    names: async (id = "") => (await listed(mount, directory(id))).map(({ name }) => name).sort(),
  };
}

/** A directory's entry as the vfs may make one up from its tree. */
export function directory(id: string): Entry {
  return { id, name: id.slice(id.lastIndexOf("/") + 1), kind: "directory" };
}

/** A file's entry as the vfs may make one up from its tree. */
export function file(id: string): Entry {
  return { ...directory(id), kind: "file" };
}

/** All entries of a directory. */
export async function listed(mount: Mount, of: Entry): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for await (const page of mount.list(of, calm())) entries.push(...page);
  return entries;
}

/** All bytes of a file. */
export async function contentOf(mount: Mount, entry: Entry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await mount.read!(entry, undefined, calm())) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Polls until the assertion holds, five seconds at most. */
export function eventually(assertion: () => unknown): Promise<unknown> {
  return expect.poll(assertion, { timeout: 5000, interval: 10 }).toBeTruthy();
}
