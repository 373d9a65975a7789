/** A vfs over a memory mount whose content outlives restarts, with the locks of two users. */
import { Readable } from "node:stream";
import { onTestFinished } from "vitest";
import { createMemoryDriver } from "#drivers/memory/index.ts";
import { MemoryStore } from "#drivers/memory/store.ts";
import type { LockingOptions } from "#server/vfs/locks/api.ts";
import type { LockRequest } from "#server/vfs/locks/lock.ts";
import { FakeClock } from "#test/server/layers/fake-clock.ts";
import { openTestVfs, type TestVfs, type TestVfsOptions } from "#test/support/vfs.ts";

/** Lock requests of an hour unless the test says other. */
export const EXCLUSIVE: LockRequest = { scope: "exclusive", depth: "0", owner: "", timeoutMs: 3600_000 };
export const SHARED: LockRequest = { ...EXCLUSIVE, scope: "shared" };
export const TREE: LockRequest = { ...EXCLUSIVE, depth: "infinity" };

/** User 1 with the tokens that he submits. */
export const ann = (...tokens: string[]): LockingOptions => asUser(1, tokens);
/** User 2. */
export const bob = (...tokens: string[]): LockingOptions => asUser(2, tokens);

export interface LockWorld {
  test: TestVfs;
  readonly clock: FakeClock;
}

/** Mounted at `/m`: `a.txt`, `b.txt`, `dir/one.txt`, `dir/sub/two.txt`. */
export async function lockWorld(options: Partial<TestVfsOptions> = {}): Promise<LockWorld> {
  const clock = new FakeClock();
  const store = new MemoryStore(clock.now(), "m-");
  const seed = { "a.txt": "a", "b.txt": "b", dir: { "one.txt": "1", sub: { "two.txt": "2" } } };
  const test = await openTestVfs({ drivers: [createMemoryDriver({ store, seed })], clock, ...options });
  const world: LockWorld = { test, clock };
  onTestFinished(() => world.test.dispose());
  await test.mount({ mountPath: "/m", driver: "memory", settings: {} });
  return world;
}

/** A write of a short text. */
export function put({ vfs }: TestVfs, path: string, o: LockingOptions, content = "new") {
  return vfs.write(path, { stream: Readable.from([Buffer.from(content)]), size: content.length }, o);
}

function asUser(userId: number, tokens: readonly string[]): LockingOptions {
  return { signal: new AbortController().signal, holder: { userId, tokens } };
}
