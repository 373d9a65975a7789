/** Opens a storage's mount: its driver with an environment of its own, under the full stack of layers. */
import type { Clock, Log } from "#drivers/contract/driver.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import type { AccountsForMounts } from "../accounts/api.ts";
import type { Recorder } from "../layers/observe.ts";
import { recoverReplacements } from "../layers/recover.ts";
import type { Store } from "../store/store.ts";
import { createDriverEnv, type DriverEnvOptions } from "../upstream/env.ts";
import { demandingLogin } from "./mount-account.ts";
import { mountJournal, mountState } from "./mount-rows.ts";
import type { OpenMount } from "./mounting.ts";
import { stack } from "./stack.ts";

export interface OpenMountOptions extends Pick<DriverEnvOptions, "upstreams" | "overrides" | "onRequest" | "onReply"> {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
  /** Absent: no storage has an account. */
  readonly accounts?: AccountsForMounts;
}

/** How `createVfs` opens mounts. What a crash left half replaced is settled before the mount is handed out; where nothing was left, no call is made. */
export function createOpenMount(options: OpenMountOptions): OpenMount {
  const { store, clock, log, recorder, accounts, upstreams, overrides, onRequest, onReply } = options;
  return async ({ id, mountPath, account: accountId }, definition, settings, signal) => {
    const account = accountId === undefined ? undefined : await accounts?.forMount(accountId);
    const env = createDriverEnv({
      name: mountPath,
      log,
      clock,
      state: mountState(store, id),
      ...(account && { account: account.handle, pacer: account.pacer }),
      ...(upstreams && { upstreams }),
      ...(overrides && { overrides }),
      ...(onRequest && { onRequest }),
      ...(onReply && { onReply }),
    });
    try {
      const opened = await definition.open(settings, env, { signal });
      const mount = account && definition.account?.needed === "always" ? demandingLogin(opened, account) : opened;
      const journal = mountJournal(store, id, clock);
      await recoverReplacements(mount, journal, { signal, priority: "background" });
      const layered = stack(mount, {
        traits: definition.traits,
        mountPath,
        clock,
        recorder,
        journal,
        random: env.random,
        bytes: () => env.bytes,
        ...(account && { demandLogin: () => account.demandLogin() }),
      });
      return withEnd(layered, () => env.close());
    } catch (error) {
      await env.close();
      throw error;
    }
  };
}

/** The mount's end is its environment's, also where the driver's own end fails. */
function withEnd(mount: Mount, end: () => Promise<void>): Mount {
  return {
    ...mount,
    async close() {
      try {
        await mount.close?.();
      } finally {
        await end();
      }
    },
  };
}
