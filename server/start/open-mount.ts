/** From a storage's row to its mount: the driver with its environment, under the layers. */
import type { Clock, Log } from "#drivers/contract/driver.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import { around } from "../layers/layer.ts";
import { recoverReplacements } from "../layers/recover.ts";
import { countUpstreamCall, createRecorder } from "../request-context.ts";
import type { Store } from "../store/store.ts";
import { createDriverEnv, type OwnedDriverEnv } from "../upstream/env.ts";
import { stack } from "../vfs/stack.ts";
import type { OpenMount } from "../vfs/storages.ts";
import { journalRows, stateRows } from "./mount-rows.ts";

export interface MountOpenerOptions {
  readonly store: Pick<Store, "db">;
  readonly clock: Clock;
  readonly log: Log;
  /** Real host → other origin. */
  readonly upstreams: Readonly<Record<string, string>>;
}

/** Opens mounts. What a crash left of a replacement is finished first; without such a rest no call to the storage is made. */
export function createMountOpener({ store, clock, log, upstreams }: MountOpenerOptions): OpenMount {
  const recorder = createRecorder(log);
  return async ({ id, mountPath }, definition, settings, signal) => {
    const journal = journalRows(store, id, clock.now);
    const state = stateRows(store, id);
    const env = createDriverEnv({ name: mountPath, log, clock, state, upstreams, onRequest: countUpstreamCall });
    try {
      const opened = closingWith(await definition.open(settings, env, { signal }), env);
      await recoverReplacements(opened, journal, { signal, priority: "background" });
      const { traits } = definition;
      return stack(opened, { traits, mountPath, clock, recorder, journal, random: env.random, bytes: () => env.bytes });
    } catch (error) {
      await env.close();
      throw error;
    }
  };
}

/** The mount's end is its environment's. */
function closingWith(mount: Mount, env: OwnedDriverEnv): Mount {
  const close = async () => {
    try {
      await mount.close?.();
    } finally {
      await env.close();
    }
  };
  return { ...around(mount, {}), close };
}
