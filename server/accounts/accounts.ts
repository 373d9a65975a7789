/** The accounts of a data folder: who is logged in where. */
import type { AnyAccount } from "#drivers/contract/account.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { CallOptions } from "#drivers/contract/mount.ts";
import { orAbort } from "../layers/waiting.ts";
import { createNotifier, type Notifier } from "../notify/notifier.ts";
import type { Store } from "../store/store.ts";
import { Account, type AccountParts } from "./account.ts";
import type { AccountInfo, Accounts, AddOptions, Logins, MountAccount } from "./api.ts";
import type { AccountSource } from "./catalogue.ts";
import { deadline } from "./deadline.ts";
import { createEnvironments, type EnvironmentOptions } from "./environments.ts";
import { RunningLogins } from "./logins.ts";
import { accountRows } from "./rows.ts";
import { openVault } from "./vault.ts";

/** Longest that the service may take to say who somebody is, or how an account is doing, in milliseconds. */
const ASK_WITHIN_MS = 60_000;

/** Longest pasted text or session file, in UTF-16 units. */
const MAX_TEXT = 256 * 1024;

/** Most requests a second that an owner may set. */
const MAX_RATE = 1_000;

export interface AccountsOptions extends EnvironmentOptions {
  readonly store: Store;
  readonly kinds: AccountSource;
  /** Instead of `<data>/secret.key`: 64 hexadecimal digits. */
  readonly secretKey?: string;
  /** Default: to the log alone. */
  readonly notifier?: Notifier;
}

/** Opens the accounts of a data folder. No credential is read, no kind is loaded and no call is made. */
export async function openAccounts(options: AccountsOptions): Promise<{ accounts: Accounts; logins: Logins }> {
  const { store, kinds, secretKey, log, clock } = options;
  const definitionOf = async (kind: string): Promise<AnyAccount> => {
    const definition = await kinds.find(kind);
    if (definition) return definition;
    const known = kinds.kinds().join(", ") || "none";
    throw new StorageError("invalid-config", `kind: there is no account kind "${kind}": there are ${known}`);
  };
  const rows = accountRows(store);
  const environments = createEnvironments(options);
  const listeners = new Set<(id: number) => void>();
  const parts: AccountParts = {
    rows,
    vault: openVault(store.dataDir, secretKey),
    environments,
    notifier: options.notifier ?? createNotifier(log),
    clock,
    log,
    definitionOf,
    recovered(id) {
      for (const listener of listeners) listener(id);
    },
  };
  const all = new Map((await rows.all()).map((row) => [row.id, new Account(row, parts)]));
  const accounts = new StoredAccounts(all, parts, listeners);
  const logins = new RunningLogins({ accounts, environments, clock, log, definitionOf });
  return { accounts, logins };
}

class StoredAccounts implements Accounts {
  readonly #all: Map<number, Account>;
  readonly #parts: AccountParts;
  readonly #listeners: Set<(id: number) => void>;
  #lastKept: Promise<unknown> = Promise.resolve();

  constructor(all: Map<number, Account>, parts: AccountParts, listeners: Set<(id: number) => void>) {
    this.#all = all;
    this.#parts = parts;
    this.#listeners = listeners;
  }

  list(): readonly AccountInfo[] {
    return [...this.#all.values()].map((account) => account.info);
  }

  get(id: number): AccountInfo | undefined {
    return this.#all.get(id)?.info;
  }

  async forMount(id: number): Promise<MountAccount> {
    return this.#account(id).forMount();
  }

  onRecovered(listener: (id: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async add(kind: string, credential: unknown, o: AddOptions): Promise<AccountInfo> {
    const definition = await this.#parts.definitionOf(kind);
    const parsed = definition.credential.safeParse(credential);
    if (!parsed.success) {
      throw new StorageError("invalid-config", `the credential is not one of ${definition.title}`);
    }
    const { userId, name } = await this.#identify(definition, parsed.data, o);
    // One after the other: two logins of one user are one account.
    const kept = this.#lastKept.then(() => this.#keep(definition, parsed.data, userId, name, o.accountId));
    this.#lastKept = kept.catch(() => {});
    return (await kept).info;
  }

  async addText(kind: string, text: string, o: CallOptions): Promise<AccountInfo> {
    const definition = await this.#parts.definitionOf(kind);
    const { title } = definition;
    if (text.length > MAX_TEXT)
      throw new StorageError("invalid-config", `text: this is too long for a login of ${title}`);
    const credential: unknown = definition.importSession?.(text) ?? definition.matchText?.(text);
    if (credential === undefined) {
      throw new StorageError("invalid-config", `text: this is no cookie, token or session file of ${title}`);
    }
    return this.add(kind, credential, o);
  }

  async check(id: number, o: CallOptions): Promise<AccountInfo> {
    const account = this.#account(id);
    const { signal, end } = deadline(ASK_WITHIN_MS, tooSlow, o.signal);
    try {
      await account.check({ ...o, signal });
      return account.info;
    } finally {
      end();
    }
  }

  async logOut(id: number): Promise<AccountInfo> {
    const account = this.#account(id);
    await account.logOut();
    return account.info;
  }

  async setRate(id: number, perSecond: number | undefined): Promise<AccountInfo> {
    const account = this.#account(id);
    if (perSecond !== undefined && !(perSecond > 0 && perSecond <= MAX_RATE)) {
      throw new StorageError("invalid-config", `rate: requests a second, above 0 and at most ${MAX_RATE}`);
    }
    await account.setRate(perSecond);
    return account.info;
  }

  async remove(id: number): Promise<void> {
    const account = this.#account(id);
    const refuse = async () => {
      const mounts = await this.mountsOf(id);
      if (mounts.length === 0) return;
      throw new StorageError(
        "locked",
        `the account ${account.info.name} is used by ${mounts.join(", ")}: remove what is mounted there first`,
      );
    };
    await refuse();
    try {
      await this.#parts.rows.delete(id);
    } catch (error) {
      await refuse(); // mounted meanwhile
      throw error;
    }
    this.#all.delete(id);
    const { kind, name } = account.info;
    this.#parts.notifier.forget({ kind: "account", id, accountKind: kind, name });
    await account.close();
  }

  async mountsOf(id: number): Promise<readonly string[]> {
    return this.#parts.rows.mountsOf(id);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all.values()].map((account) => account.close()));
  }

  #account(id: number): Account {
    const account = this.#all.get(id);
    if (account) return account;
    throw new StorageError("not-found", `there is no account ${id} ("pandav whoami" shows them)`);
  }

  async #identify(definition: AnyAccount, credential: unknown, o: CallOptions) {
    const env = this.#parts.environments.forLogin(definition);
    const { signal, end } = deadline(ASK_WITHIN_MS, tooSlow, o.signal);
    try {
      return await orAbort(definition.identify(credential, env, { ...o, signal }), signal);
    } finally {
      end();
      await env.close();
    }
  }

  async #keep(
    { kind }: AnyAccount,
    credential: unknown,
    userId: string,
    name: string,
    wanted: number | undefined,
  ): Promise<Account> {
    const known = [...this.#all.values()].find(({ info }) => info.kind === kind && info.userId === userId);
    if (wanted !== undefined && known?.info.id !== wanted) {
      const whose = this.#account(wanted).info.name;
      throw new StorageError("invalid-config", `this is a login of ${name}, and the account is that of ${whose}`);
    }
    if (known) {
      await known.adopt(credential, name);
      return known;
    }
    const id = await this.#parts.rows.newId();
    const now = this.#parts.clock.now();
    const row = {
      id,
      kind,
      user_id: userId,
      name,
      credential: this.#parts.vault.seal(JSON.stringify(credential), { kind, id }),
      health: "ok",
      until: null,
      reason: null,
      rate: null,
      created_at: now,
      modified_at: now,
    };
    await this.#parts.rows.insert(row);
    const account = new Account(row, this.#parts);
    this.#all.set(id, account);
    return account;
  }
}

function tooSlow(): StorageError {
  return new StorageError("timeout", "the service did not answer about the login in time", { retryable: true });
}
