/** A store in memory's place (a temporary folder), a clock turned by hand, and auth over both. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { type Auth, openAuth } from "#server/auth/auth.ts";
import { openSettings, type Settings } from "#server/store/settings.ts";
import { openStore, type Store } from "#server/store/store.ts";

interface TurnedClock extends Clock {
  turn(ms: number): void;
}

/** A clock that stands still; begins at the issue time of alist-api.md §19's tokens. */
function turnedClock(at = 1_767_225_600_000): TurnedClock {
  let now = at;
  return {
    now: () => now,
    sleep: () => Promise.reject(new Error("nothing sleeps here")),
    turn: (ms) => {
      now += ms;
    },
  };
}

const silent: Log = { debug() {}, info() {}, warn() {} };

export const ADMIN_PASSWORD = "correct horse";

export interface World {
  readonly store: Store;
  readonly settings: Settings;
  readonly auth: Auth;
  readonly clock: TurnedClock;
  /** Another user, with AList's bits. */
  addUser(
    name: string,
    password: string,
    more?: { permission?: number; basePath?: string; disabled?: boolean },
  ): Promise<void>;
  /** Opens auth again over the same store, as a restart does. */
  restart(): Promise<Auth>;
  close(): Promise<void>;
}

export async function openWorld(overrides: Record<string, unknown> = {}): Promise<World> {
  const dataDir = mkdtempSync(join(tmpdir(), "pandav-auth-"));
  const store = await openStore(dataDir);
  const clock = turnedClock();
  const settings = await openSettings(store, overrides);
  const open = (adminPassword?: string) =>
    openAuth({ store, settings, clock, log: silent, ...(adminPassword && { adminPassword }) });
  const auth = await open(ADMIN_PASSWORD);
  return {
    store,
    settings,
    auth,
    clock,
    async addUser(name, password, { permission = 0, basePath = "/", disabled = false } = {}) {
      await store.db
        .insertInto("user")
        .values({
          name,
          password: "!",
          role: "general",
          base_path: basePath,
          permission,
          disabled: disabled ? 1 : 0,
          password_changed_at: 0,
        })
        .execute();
      await auth.users.setPassword(name, password);
    },
    restart: () => open(),
    async close() {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
