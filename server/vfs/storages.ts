/** The storages of the durable database: what their owner set up, and when each is mounted. */
import { StorageError } from "#drivers/contract/errors.ts";
import { parsePath } from "#drivers/contract/path.ts";
import type { AccountsForMounts } from "../accounts/api.ts";
import type { DriverSource } from "../accounts/catalogue.ts";
import type { Store } from "../store/store.ts";
import type { Freshness, PlacedStorage, StorageInfo, StorageInput, Storages } from "./api.ts";
import { chooseAccount } from "./mount-account.ts";
import { Mounting, type MountingOptions, type StorageRow } from "./mounting.ts";
import type { ReplyMode } from "./pending/reply-mode.ts";
import type { VfsOptions } from "./resource.ts";
import { checkSettings, StorageDrivers } from "./storage-drivers.ts";

export interface StoragesOptions extends MountingOptions {
  readonly store: Store;
  readonly drivers: DriverSource;
  /** Absent: no storage has an account. */
  readonly accounts?: AccountsForMounts;
}

export class StorageAdministration implements Storages {
  readonly #o: StoragesOptions;
  readonly #rows = new Map<number, StorageRow>();
  readonly #drivers: StorageDrivers;
  readonly #mounting: Mounting;

  constructor(options: StoragesOptions) {
    this.#o = options;
    this.#drivers = new StorageDrivers(options.drivers, options.log);
    this.#mounting = new Mounting(options);
  }

  /** Puts every enabled storage into the mount table; each opens by itself, in the background. */
  async start(): Promise<void> {
    const rows = await this.#o.store.db.selectFrom("storage").selectAll().orderBy("sort_order").orderBy("id").execute();
    for (const row of rows) {
      this.#rows.set(row.id, row);
      const definition = await this.#drivers.stored(row.driver);
      if (row.disabled) continue;
      const storage = await this.#mounting.mount(row, definition);
      this.#mounting.openBehind(storage);
    }
    // Both live as long as the server.
    this.#o.accounts?.onRecovered((account) => {
      for (const { id, account_id } of this.#rows.values()) if (account_id === account) this.#mounting.wake(id);
    });
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
    const definition = await this.#drivers.named(input.driver);
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
    const storage = await this.#mounting.mount(row, definition);
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
    if (old.kept !== null) throw keptAsItCame(old);
    const mountPath = this.#freePath(input.mountPath, id);
    const definition = await this.#drivers.named(input.driver);
    if (definition.id !== old.driver) {
      throw new StorageError("invalid-config", `driver: storage ${id} is of driver ${old.driver}, which cannot change`);
    }
    const settings = checkSettings(definition, input.settings);
    // A form that knows no accounts (AList's) leaves it as it is.
    const account = chooseAccount(definition, input.account ?? old.account_id ?? undefined, this.#o.accounts);
    const columns = {
      ...columnsOf(input, mountPath, definition.id, settings),
      // As does one that knows no placeholders.
      placeholders: input.placeholders ?? old.placeholders,
      write_mode: input.writeMode === "default" ? null : (input.writeMode ?? old.write_mode),
      reply_within: input.replyWithinMs ?? old.reply_within,
      account_id: account,
      modified_at: this.#o.clock.now(),
    };
    const row = { ...old, ...columns };
    // Other settings and other accounts may show another folder: nothing of the old tree is true of it.
    const sameFolder = columns.settings === old.settings && account === old.account_id;
    if (!sameFolder) this.#refuseWaiting(id);
    await this.#mounting.unmount(id);
    if (!sameFolder) {
      await this.#o.remembered.unseatStorage(id);
      await this.#o.tree.dropMount(id);
    }
    if (!old.disabled) {
      const storage = await this.#mounting.mount(row, definition);
      try {
        await storage.askRoot(o.signal);
      } catch (error) {
        await this.#mounting.unmount(id);
        await this.#mounting.mount(old, definition);
        throw error;
      }
    }
    const change = (db: Pick<Store["db"], "updateTable">) =>
      db.updateTable("storage").set(columns).where("id", "=", id).execute();
    if (sameFolder) await change(this.#o.store.db);
    else await this.#o.remembered.dropStorage(id, change);
    this.#rows.set(id, row);
    return this.#info(row);
  }

  async place(input: PlacedStorage): Promise<StorageInfo> {
    const mountPath = this.#freePath(input.mountPath, undefined);
    const isKept = input.kept !== undefined;
    const definition = isKept ? undefined : await this.#drivers.named(input.driver);
    const settings = definition ? checkSettings(definition, input.settings) : {};
    const now = this.#o.clock.now();
    const row = await this.#o.store.db
      .insertInto("storage")
      .values({
        ...columnsOf(input, mountPath, definition?.id ?? input.driver, settings),
        account_id: definition ? chooseAccount(definition, input.account, this.#o.accounts) : null,
        disabled: Number(input.disabled || isKept),
        kept: input.kept ?? null,
        created_at: now,
        modified_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    this.#rows.set(row.id, row);
    if (definition && !row.disabled) this.#mounting.openBehind(await this.#mounting.mount(row, definition));
    return this.#info(row);
  }

  kept(id: number): string | undefined {
    return this.#row(id).kept ?? undefined;
  }

  async fill(id: number, input: StorageInput): Promise<StorageInfo> {
    const old = this.#row(id);
    if (old.kept === null) throw new StorageError("invalid-config", `storage ${id} has its settings already`);
    const mountPath = this.#freePath(input.mountPath, id);
    const definition = await this.#drivers.named(input.driver);
    const settings = checkSettings(definition, input.settings);
    const columns = {
      ...columnsOf(input, mountPath, definition.id, settings),
      account_id: chooseAccount(definition, input.account, this.#o.accounts),
      kept: null,
      modified_at: this.#o.clock.now(),
    };
    await this.#o.store.db.updateTable("storage").set(columns).where("id", "=", id).execute();
    const row = { ...old, ...columns };
    this.#rows.set(id, row);
    return this.#info(row);
  }

  async remove(id: number): Promise<void> {
    this.#row(id);
    this.#refuseWaiting(id);
    await this.#forget(id);
  }

  async enable(id: number, o: VfsOptions): Promise<StorageInfo> {
    const row = this.#row(id);
    if (!row.disabled) throw new StorageError("invalid-config", `storage ${id} is enabled already`);
    if (row.kept !== null) throw keptAsItCame(row);
    this.#freePath(row.mount_path, id);
    const storage = await this.#mounting.mount(row, await this.#drivers.stored(row.driver));
    await this.#setDisabled(row, 0);
    // The storage counts as enabled even if it does not answer now: it is tried again when somebody asks.
    await storage.root(o.signal).catch((error: unknown) => o.signal.aborted && Promise.reject(error));
    return this.#info(this.#row(id));
  }

  async disable(id: number): Promise<StorageInfo> {
    const row = this.#row(id);
    if (row.disabled) throw new StorageError("invalid-config", `storage ${id} is disabled already`);
    await this.#setDisabled(row, 1);
    await this.#mounting.unmount(id);
    return this.#info(this.#row(id));
  }

  async #setDisabled(row: StorageRow, disabled: 0 | 1): Promise<void> {
    await this.#o.store.db.updateTable("storage").set({ disabled }).where("id", "=", row.id).execute();
    this.#rows.set(row.id, { ...row, disabled });
  }

  async #forget(id: number): Promise<void> {
    await this.#mounting.unmount(id);
    await this.#o.remembered.dropStorage(id, (trx) => trx.deleteFrom("storage").where("id", "=", id).execute());
    this.#rows.delete(id);
    await this.#o.tree.dropMount(id);
  }

  /** What was accepted is not lost with the storage that it waits for. */
  #refuseWaiting(id: number): void {
    const { files, bytes } = this.#o.pending.totals(id);
    if (files === 0) return;
    throw new StorageError(
      "not-empty",
      `${files} files (${bytes} bytes) wait here for their upload to storage ${id}: let them be uploaded, or delete them first`,
    );
  }

  #row(id: number): StorageRow {
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

  #info(row: StorageRow): StorageInfo {
    const storage = this.#o.table.get(row.id);
    const capabilities = storage?.capabilities;
    const account = row.account_id === null ? undefined : this.#o.accounts?.get(row.account_id);
    return {
      id: row.id,
      mountPath: row.mount_path,
      driver: row.driver,
      provider: this.#drivers.providerOf(row.driver),
      settings: JSON.parse(row.settings) as Record<string, unknown>,
      order: row.sort_order,
      remark: row.remark,
      disabled: row.disabled !== 0,
      ...(row.freshness !== null && { freshness: JSON.parse(row.freshness) as Freshness }),
      delivery: row.delivery as StorageInfo["delivery"],
      placeholders: row.placeholders as StorageInfo["placeholders"],
      ...(row.write_mode !== null && { writeMode: row.write_mode as ReplyMode }),
      ...(row.reply_within !== null && { replyWithinMs: row.reply_within }),
      pending: this.#o.pending.totals(row.id),
      modifiedAt: row.modified_at,
      state: storage?.state ?? "disabled",
      ...(storage?.failure !== undefined && { error: storage.failure }),
      ...(row.kept !== null && { isKept: true, error: keptAsItCame(row).message }),
      ...(capabilities && { capabilities }),
      ...(account && { account }),
    };
  }
}

function keptAsItCame({ driver, mount_path }: Pick<StorageRow, "driver" | "mount_path">): StorageError {
  const remedy = `"pandav storage enable ${mount_path}" mounts it once that can be`;
  return new StorageError(
    "invalid-config",
    `the storage is kept as it was imported (driver ${driver}), and not mounted: ${remedy}`,
  );
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
    placeholders: input.placeholders ?? "auto",
    write_mode: input.writeMode === "default" ? null : (input.writeMode ?? null),
    reply_within: input.replyWithinMs ?? null,
  };
}
