/** The channels that the owner has set up; what is secret in their settings lies sealed. */
import { z } from "zod";
import { describeConfig, type FieldDescription } from "#drivers/contract/config.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Sealing } from "../store/sealing.ts";
import type { Store } from "../store/store.ts";
import type { Channel } from "./channel.ts";

type Settings = Readonly<Record<string, unknown>>;

/** A channel as forms show it; its settings with their secrets. */
export interface ChannelInfo {
  readonly kind: string;
  readonly title: string;
  readonly fields: readonly FieldDescription[];
  /** Absent until it is set up. */
  readonly settings?: Settings;
  /** When it last delivered, or gave up; milliseconds since the epoch. */
  readonly lastAt?: number;
  /** Why it gave up then. */
  readonly lastError?: string;
}

export interface ChannelStore {
  list(): readonly ChannelInfo[];
  /** Kinds that are set up. */
  kinds(): readonly string[];
  /** A channel with its settings. Throws `not-found` where it is not set up, `invalid-config` where its secrets cannot be read. */
  get(kind: string): { readonly channel: Channel; readonly settings: Settings };
  /** Throws `invalid-config`, naming the field; `not-found` for a kind that is none. */
  set(kind: string, settings: Settings): Promise<void>;
  remove(kind: string): Promise<void>;
  /** Remembers how the last delivery went. */
  told(kind: string, at: number, error: string | undefined): Promise<void>;
}

interface Row {
  readonly settings: Settings;
  readonly sealed: string | null;
  lastAt: number | null;
  lastError: string | null;
}

/** The channels of a store, of those that there are. */
export async function openChannels(
  { db }: Pick<Store, "db">,
  sealing: Sealing,
  all: readonly Channel[],
): Promise<ChannelStore> {
  const rows = new Map<string, Row>();
  for (const { kind, settings, secrets, last_at, last_error } of await db
    .selectFrom("notice_channel")
    .selectAll()
    .execute()) {
    rows.set(kind, {
      settings: JSON.parse(settings) as Settings,
      sealed: secrets,
      lastAt: last_at,
      lastError: last_error,
    });
  }
  const channelOf = (kind: string): Channel => {
    const channel = all.find((one) => one.kind === kind);
    if (channel) return channel;
    throw new StorageError(
      "not-found",
      `there is no channel "${kind}": there are ${all.map((one) => one.kind).join(", ")}`,
    );
  };
  const settingsOf = (kind: string, { settings, sealed }: Row): Settings => {
    if (sealed === null) return settings;
    const text = sealing.open(
      sealed,
      purposeOf(kind),
      (why, cause) => new StorageError("invalid-config", `the secrets of the channel ${kind}: ${why}`, { cause }),
    );
    return { ...settings, ...(JSON.parse(text) as Settings) };
  };
  const readable = (kind: string, row: Row): Settings => {
    try {
      return settingsOf(kind, row);
    } catch {
      return row.settings; // said when it is used
    }
  };
  return {
    list: () =>
      all.map(({ kind, title, settings }) => {
        const row = rows.get(kind);
        return {
          kind,
          title,
          fields: describeConfig(settings),
          ...(row && { settings: readable(kind, row) }),
          ...(row && row.lastAt !== null && { lastAt: row.lastAt }),
          ...(row && row.lastError !== null && { lastError: row.lastError }),
        };
      }),
    kinds: () => all.map(({ kind }) => kind).filter((kind) => rows.has(kind)),
    get(kind) {
      const channel = channelOf(kind);
      const row = rows.get(kind);
      if (!row) throw new StorageError("not-found", `the channel ${kind} is not set up ("pandav notify set ${kind}")`);
      return { channel, settings: channel.settings.parse(settingsOf(kind, row)) };
    },
    async set(kind, settings) {
      const channel = channelOf(kind);
      const parsed = z.strictObject(channel.settings.shape).safeParse(settings);
      if (!parsed.success) {
        const problems = parsed.error.issues.map(({ path, message, ...issue }) =>
          issue.code === "unrecognized_keys" ? `${kind}: ${message}` : `${path.join(".")}: ${message}`,
        );
        throw new StorageError("invalid-config", problems.join("; "));
      }
      const secret = new Set(describeConfig(channel.settings).flatMap((field) => (field.secret ? [field.name] : [])));
      const entries = Object.entries(parsed.data);
      const hidden = entries.filter(([name, value]) => secret.has(name) && value !== "");
      const open = Object.fromEntries(entries.filter(([name]) => !secret.has(name)));
      const sealed =
        hidden.length === 0 ? null : sealing.seal(JSON.stringify(Object.fromEntries(hidden)), purposeOf(kind));
      const values = { settings: JSON.stringify(open), secrets: sealed, last_at: null, last_error: null };
      await db
        .insertInto("notice_channel")
        .values({ kind, ...values })
        .onConflict((c) => c.column("kind").doUpdateSet(values))
        .execute();
      rows.set(kind, { settings: open, sealed, lastAt: null, lastError: null });
    },
    async remove(kind) {
      channelOf(kind);
      await db.deleteFrom("notice_channel").where("kind", "=", kind).execute();
      rows.delete(kind);
    },
    async told(kind, at, error) {
      const row = rows.get(kind);
      if (!row) return;
      row.lastAt = at;
      row.lastError = error ?? null;
      await db
        .updateTable("notice_channel")
        .set({ last_at: at, last_error: error ?? null })
        .where("kind", "=", kind)
        .execute();
    },
  };
}

function purposeOf(kind: string): string {
  return `pandav notice channel ${kind}`;
}
