/** An account in memory, as a mount of SJTU Pan sees it: renewals in single flight, and counted. */
import type { AccountHandle } from "#drivers/contract/account.ts";
import type { DriverEnv } from "#drivers/contract/driver.ts";
import { sjtuAccount } from "#drivers/sjtu-pan/account.ts";
import type { SjtuCredential } from "#drivers/sjtu-pan/credential.ts";

export interface TestAccount extends AccountHandle<SjtuCredential> {
  /** How often the service was asked for something newer. */
  readonly renewals: number;
  /** What is stored now. */
  readonly credential: SjtuCredential;
}

/** The account; `env` is the environment in which it renews itself, without an account of its own. */
export function memoryAccount(env: DriverEnv, credential: SjtuCredential): TestAccount {
  let stored = credential;
  let renewals = 0;
  let flight: Promise<SjtuCredential> | undefined;
  return {
    get renewals() {
      return renewals;
    },
    get credential() {
      return stored;
    },
    // A copy, as a store gives it: what differs is told by value alone.
    get: async () => structuredClone(stored),
    async renew(failed) {
      if (JSON.stringify(failed) !== JSON.stringify(stored)) return structuredClone(stored);
      flight ??= (async () => {
        renewals++;
        try {
          stored = await sjtuAccount.renew!(stored, env, { signal: AbortSignal.timeout(30_000) });
          return stored;
        } finally {
          flight = undefined;
        }
      })();
      return structuredClone(await flight);
    },
    async update(patch) {
      stored = { ...stored, ...patch };
    },
  };
}
