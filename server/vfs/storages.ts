/** The storages of the durable database, and the mount table that follows from them. */
import type { Selectable } from "kysely";
import { z } from "zod";
import type { AnyDriver, Clock, Log } from "#drivers/contract/driver.ts";
import { isLoginOver, StorageError } from "#drivers/contract/errors.ts";
import type { Mount } from "#drivers/contract/mount.ts";
import { parsePath } from "#drivers/contract/path.ts";
import type { AccountsForMounts } from "../accounts/api.ts";
import type { StorageTable } from "../store/schema.ts";
import type { Store } from "../store/store.ts";
import type { Freshness, StorageInfo, StorageInput, Storages } from "./api.ts";
import { chooseAccount } from "./mount-account.ts";
import type { MountTable } from "./mount-table.ts";
import { MountedStorage } from "./mounted-storage.ts";
import type { VfsOptions } from "./resource.ts";
import type { Tree } from "./tree/tree.ts";

/** Where drivers come from. */
export interface DriverSource {
  ids(): readonly string[];
  /** By id or alias. */
  find(idOrAlias: string): Promise<AnyDriver | undefined>;
}

/** Opens a driver's mount under the full stack of layers. */
export type OpenMount = (
  storage: { readonly id: number; readonly mountPath: string; readonly account?: number },
  definition: AnyDriver,
  settings: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
) => Promise<Mount>;

export interface StoragesOptions {
  readonly store: Store;
  readonly drivers: DriverSource;
  readonly tree: Tree;
  readonly table: MountTable;
  readonly openMount: OpenMount;
  /** Absent: no storage has an account. */
  readonly accounts?: AccountsForMounts;
  readonly clock: Clock;
  readonly log: Log;
}

type Row = Selectable<StorageTable>;

export class StorageAdministration implements Storages {
  readonly #o: StoragesOptions;
  readonly #rows = new Map<number, Row>();
  readonly #providers = new Map<string, string>();

  constructor(options: StoragesOptions) {
    this.#o = options;
  }

  /** Puts every enabled storage into the mount table; each opens by itself, in the background. */
  async start(): Promise<void> {
    const rows = await this.#o.store.db.selectFrom("storage").selectAll().orderBy("sort_order").orderBy("id").execute();
    for (const row of rows) {
      this.#rows.set(row.id, row);
      const definition = await this.#definitionOf(row.driver);
      if (row.disabled) continue;
      const storage = await this.#mount(row, definition);
      this.#openBehind(storage);
    }
    // Both live as long as the server.
    this.#o.accounts?.onRecovered((account) => this.#wake(account));
  }

  list(): readonly StorageInfo[] {
    return [...this.#rows.values()]
      .sort((a, b) => a.sort_order - b.sort_order || a.id - b.id)
      .map((row) => this.#info(row));
  }

  get(id: number): StorageInfo | undefined {
    const row = this.#rows.get(id);
    return row && this.#info(row);
  }

  at(path: string): StorageInfo | undefined {
    const match = this.#o.table.match(path);
    return match && this.get(match.storage.id);
  }

  async add(input: StorageInput, o: VfsOptions): Promise<StorageInfo> {
    const mountPath = this.#freePath(input.mountPath, undefined);
    const definition = await this.#knownDriver(input.driver);
    const settings = checkSettings(definition, input.settings);
    const account = chooseAccount(definition, input.account, this.#o.accounts);
    const now = this.#o.clock.now();
    const row = await this.#o.store.db
      .insertInto("storage")
      .values({
        ...columnsOf(input, mountPath, definition.id, settings),
        account_id: account,
        disabled: 0,
        created_at: now,
        modified_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    const storage = await this.#mount(row, definition);
    try {
      await storage.askRoot(o.signal);
    } catch (error) {
      await this.#forget(row.id);
      throw error;
    }
    this.#rows.set(row.id, row);
    return this.#info(row);
  }

  async update(id: number, input: StorageInput, o: VfsOptions): Promise<StorageInfo> {
    const old = this.#row(id);
    const mountPath = this.#freePath(input.mountPath, id);
    const definition = await this.#knownDriver(input.driver);
    if (definition.id !== old.driver) {
      throw new StorageError("invalid-config", `driver: storage ${id} is of driver ${old.driver}, which cannot change`);
    }
    const settings = checkSettings(definition, input.settings);
    // A form that knows no accounts (AList's) leaves it as it is.
    const account = chooseAccount(definition, input.account ?? old.account_id ?? undefined, this.#o.accounts);
    const columns = {
      ...columnsOf(input, mountPath, definition.id, settings),
      account_id: account,
      modified_at: this.#o.clock.now(),
    };
    const row = { ...old, ...columns };
    // Other settings and other accounts may show another folder: nothing of the old tree is true of it.
    const sameFolder = columns.settings === old.settings && account === old.account_id;
    if (!old.disabled) {
      await this.#unmount(id);
      if (!sameFolder) await this.#o.tree.dropMount(id);
      const storage = await this.#mount(row, definition);
      try {
        await storage.askRoot(o.signal);
      } catch (error) {
        await this.#unmount(id);
        await this.#mount(old, definition);
        throw error;
      }
    }
    await this.#o.store.db.updateTable("storage").set(columns).where("id", "=", id).execute();
    this.#rows.set(id, row);
    return this.#info(row);
  }

  async remove(id: number): Promise<void> {
    this.#row(id);
    await this.#forget(id);
  }

  async enable(id: number, o: VfsOptions): Promise<StorageInfo> {
    const row = this.#row(id);
    if (!row.disabled) throw new StorageError("invalid-config", `storage ${id} is enabled already`);
    this.#freePath(row.mount_path, id);
    const storage = await this.#mount(row, await this.#definitionOf(row.driver));
    await this.#setDisabled(row, 0);
    // The storage counts as enabled even if it does not answer now: it is tried again when somebody asks.
    await storage.root(o.signal).catch((error: unknown) => o.signal.aborted && Promise.reject(error));
    return this.#info(this.#row(id));
  }

  async disable(id: number): Promise<StorageInfo> {
    const row = this.#row(id);
    if (row.disabled) throw new StorageError("invalid-config", `storage ${id} is disabled already`);
    await this.#setDisabled(row, 1);
    await this.#unmount(id);
    return this.#info(this.#row(id));
  }

  async #setDisabled(row: Row, disabled: 0 | 1): Promise<void> {
    await this.#o.store.db.updateTable("storage").set({ disabled }).where("id", "=", row.id).execute();
    this.#rows.set(row.id, { ...row, disabled });
  }

  async #mount(row: Row, definition: AnyDriver): Promise<MountedStorage> {
    const settings = JSON.parse(row.settings) as Record<string, unknown>;
    const freshness = row.freshness === null ? undefined : (JSON.parse(row.freshness) as Freshness);
    const storage = new MountedStorage({
      id: row.id,
      mountPath: row.mount_path,
      definition,
      settings,
      ...(freshness && { freshness }),
      delivery: row.delivery as StorageInfo["delivery"],
      tree: await this.#o.tree.openMount(row.id, definition.traits),
      open: (signal) =>
        this.#o.openMount(
          { id: row.id, mountPath: row.mount_path, ...(row.account_id !== null && { account: row.account_id }) },
          definition,
          definition.open === refuseMissing ? settings : checkSettings(definition, settings),
          signal,
        ),
      clock: this.#o.clock,
      log: this.#o.log,
    });
    this.#o.table.add(storage);
    return storage;
  }

  /** Learns early how the storage is doing, without a call to one whose root is known and whose calls are dear. */
  #openBehind(storage: MountedStorage): void {
    const opened = storage.traits.cheapStat ? storage.askRoot(storage.closing) : storage.root(storage.closing);
    Promise.all([storage.mount(), opened]).catch((error: unknown) => {
      if (!storage.closing.aborted && !isLoginOver(error))
        this.#o.log.warn({ mount: storage.mountPath, err: error }, "storage did not open");
    });
  }

  /** The account can be used again: what failed for want of it is tried at once. */
  #wake(account: number): void {
    for (const { id, account_id } of this.#rows.values()) {
      const storage = account_id === account ? this.#o.table.get(id) : undefined;
      storage?.wake();
    }
  }

  async #unmount(id: number): Promise<void> {
    await this.#o.table.delete(id)?.close();
  }

  async #forget(id: number): Promise<void> {
    await this.#unmount(id);
    await this.#o.store.db.deleteFrom("storage").where("id", "=", id).execute();
    this.#rows.delete(id);
    await this.#o.tree.dropMount(id);
  }

  #row(id: number): Row {
    const row = this.#rows.get(id);
    if (!row) throw new StorageError("not-found", `there is no storage ${id}`);
    return row;
  }

  #freePath(text: string, except: number | undefined): string {
    const path = parsePath(text);
    const taken = [...this.#rows.values()].find((row) => row.mount_path === path && row.id !== except);
    if (taken) {
      throw new StorageError(
        "already-exists",
        `mount path ${path} is taken by storage ${taken.id} (${taken.driver}): choose another, or remove that one`,
      );
    }
    return path;
  }

  async #knownDriver(idOrAlias: string): Promise<AnyDriver> {
    const definition = await this.#o.drivers.find(idOrAlias);
    if (!definition) {
      throw new StorageError(
        "invalid-config",
        `unknown driver "${idOrAlias}": there are ${this.#o.drivers.ids().join(", ")}`,
      );
    }
    this.#providers.set(definition.id, definition.aliases[0] ?? definition.title);
    return definition;
  }

  /** A stored storage whose driver is gone stays mounted, so that its paths fail instead of not existing. */
  async #definitionOf(driver: string): Promise<AnyDriver> {
    const definition = await this.#o.drivers.find(driver).catch((error: unknown) => {
      this.#o.log.warn({ driver, err: error }, "a driver could not be loaded");
      return undefined;
    });
    if (definition) this.#providers.set(driver, definition.aliases[0] ?? definition.title);
    return definition ?? missingDriver(driver);
  }

  #info(row: Row): StorageInfo {
    const storage = this.#o.table.get(row.id);
    const capabilities = storage?.capabilities;
    const account = row.account_id === null ? undefined : this.#o.accounts?.get(row.account_id);
    return {
      id: row.id,
      mountPath: row.mount_path,
      driver: row.driver,
      provider: this.#providers.get(row.driver) ?? row.driver,
      settings: JSON.parse(row.settings) as Record<string, unknown>,
      order: row.sort_order,
      remark: row.remark,
      disabled: row.disabled !== 0,
      ...(row.freshness !== null && { freshness: JSON.parse(row.freshness) as Freshness }),
      delivery: row.delivery as StorageInfo["delivery"],
      modifiedAt: row.modified_at,
      state: storage?.state ?? "disabled",
      ...(storage?.failure !== undefined && { error: storage.failure }),
      ...(capabilities && { capabilities }),
      ...(account && { account }),
    };
  }
}

function columnsOf(
  input: StorageInput,
  mountPath: string,
  driver: string,
  settings: Readonly<Record<string, unknown>>,
) {
  return {
    mount_path: mountPath,
    driver,
    settings: JSON.stringify(settings),
    sort_order: input.order ?? 0,
    remark: input.remark ?? "",
    freshness: input.freshness ? JSON.stringify(input.freshness) : null,
    delivery: input.delivery ?? "auto",
  };
}

/** The settings as the driver's schema understands them. Throws `invalid-config`, naming the field. */
function checkSettings(
  definition: AnyDriver,
  settings: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const schema = z.strictObject((definition.settings as z.ZodObject).shape);
  const parsed = schema.safeParse(settings);
  if (parsed.success) return parsed.data as Record<string, unknown>;
  const names = Object.keys(schema.shape).join(", ") || "none";
  const problems = parsed.error.issues.map((issue) =>
    issue.code === "unrecognized_keys"
      ? `unknown setting ${issue.keys.join(", ")} (driver ${definition.id} has: ${names})`
      : `setting ${issue.path.join(".") || "?"}: ${issue.message}`,
  );
  throw new StorageError("invalid-config", problems.join("; "));
}

function missingDriver(id: string): AnyDriver {
  return {
    id,
    title: id,
    aliases: [],
    settings: z.looseObject({}),
    traits: { ids: "stable", names: {}, hashes: [], replace: "atomic", collision: "error", freshness: "manual" },
    open: refuseMissing,
  };
}

async function refuseMissing(): Promise<never> {
  throw new StorageError("invalid-config", "the storage's driver is not there: name its package in PANDAV_DRIVERS");
}
