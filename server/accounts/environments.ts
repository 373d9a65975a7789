/** What account definitions may touch: the environment of a login, and that of an account. */
import type { AnyAccount } from "#drivers/contract/account.ts";
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { createDriverEnv, type DriverEnvOptions, type OwnedDriverEnv } from "../upstream/env.ts";
import { createPacer, type Pacer } from "../upstream/pacer.ts";

export interface EnvironmentOptions
  extends Pick<DriverEnvOptions, "upstreams" | "overrides" | "onRequest" | "onReply"> {
  readonly clock: Clock;
  readonly log: Log;
}

export interface Environments {
  /** For one login, which ends it; logins at one service share one budget. */
  forLogin(definition: AnyAccount): OwnedDriverEnv;
  /** For the calls that keep an account alive, on its own budget. */
  forAccount(name: string, pacer: Pacer): OwnedDriverEnv;
  /** An account's budget: what its owner set, else what the kind says. */
  pacer(definition: AnyAccount, rate: number | undefined): Pacer;
}

export function createEnvironments({
  clock,
  log,
  upstreams,
  overrides,
  onRequest,
  onReply,
}: EnvironmentOptions): Environments {
  const loginPacers = new Map<string, Pacer>();
  const outside = {
    clock,
    log,
    ...(upstreams && { upstreams }),
    ...(overrides && { overrides }),
    ...(onRequest && { onRequest }),
    ...(onReply && { onReply }),
  };
  const pacer = ({ budget }: AnyAccount, rate: number | undefined) => {
    const ratePerSecond = rate ?? budget?.perSecond;
    return createPacer({
      clock,
      ...(ratePerSecond !== undefined && { ratePerSecond }),
      ...(budget && { burst: budget.burst }),
    });
  };
  return {
    forLogin(definition) {
      const shared = loginPacers.get(definition.kind) ?? pacer(definition, undefined);
      loginPacers.set(definition.kind, shared);
      return createDriverEnv({ ...outside, name: `login ${definition.kind}`, pacer: shared });
    },
    forAccount: (name, own) => createDriverEnv({ ...outside, name, pacer: own }),
    pacer,
  };
}
