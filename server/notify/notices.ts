/** Tells the owner of what only he can set right: once for each change, over every channel that he set up. */
import type { Clock, Log } from "#drivers/contract/driver.ts";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Sealing } from "../store/sealing.ts";
import type { Settings } from "../store/settings.ts";
import type { Store } from "../store/store.ts";
import type { Channel, ChannelTools, Delivery } from "./channel.ts";
import { type ChannelStore, openChannels } from "./channel-store.ts";
import { CHANNELS } from "./channels.ts";
import { type NoticeRow, openNoticeRows } from "./notice-rows.ts";
import { keyOf, type Notice, type Notifier } from "./notifier.ts";
import { Outbox } from "./outbox.ts";
import { type Language, testMessage, toMessage } from "./words.ts";

/** Longest that one delivery may take, in milliseconds. */
const SEND_WITHIN_MS = 20_000;

export interface NoticesParts {
  readonly store: Pick<Store, "db">;
  readonly settings: Pick<Settings, "get">;
  readonly sealing: Sealing;
  readonly guard: ChannelTools["guard"];
  readonly clock: Clock;
  readonly log: Log;
  /** Default: all that there are. */
  readonly channels?: readonly Channel[];
}

/** What became of a test message. */
export interface TestResult {
  readonly kind: string;
  /** Absent: it was delivered. */
  readonly error?: string;
}

export interface Notices extends Notifier {
  readonly channels: Pick<ChannelStore, "list" | "set" | "remove">;
  /** Sends a test message over one channel, or over all that are set up, each once. Throws `not-found` where it is not. */
  test(kind: string | undefined, signal: AbortSignal): Promise<readonly TestResult[]>;
  /** Begins to deliver, with what the last process left. Without it notices are only kept. */
  start(): void;
  /** Interrupts what runs, to go on after the next start. */
  close(): Promise<void>;
}

/** The notices of a data folder. */
export async function openNotices(parts: NoticesParts): Promise<Notices> {
  const { store, settings, sealing, clock, log, guard } = parts;
  const channels = await openChannels(store, sealing, parts.channels ?? CHANNELS);
  const rows = await openNoticeRows(store, clock.now(), log);
  const outboxes = new Map<string, Outbox>();
  let isStarted = false;
  const language = (): Language => settings.get("notify_language");
  const siteUrl = () => (settings.get("site_url").split(",")[0] ?? "").trim().replace(/\/+$/, "");

  async function send(kind: string, delivery: Delivery, signal: AbortSignal): Promise<void> {
    const { channel, settings: own } = channels.get(kind);
    const late = new AbortController();
    const ended = new AbortController();
    clock.sleep(SEND_WITHIN_MS, ended.signal).then(
      () => late.abort(new StorageError("timeout", "the service does not answer", { retryable: true })),
      () => {}, // it ended in time
    );
    try {
      await channel.send(own, delivery, { guard }, AbortSignal.any([signal, late.signal]));
    } catch (error) {
      signal.throwIfAborted();
      late.signal.throwIfAborted();
      throw error;
    } finally {
      ended.abort();
    }
  }

  function deliveryOf({ notice, at }: NonNullable<NoticeRow["waiting"]>): Delivery {
    const { subject, state, message } = notice;
    return { ...toMessage(notice, language(), siteUrl()), facts: { subject, state, at, message } };
  }

  function outboxOf(kind: string): Outbox {
    const known = outboxes.get(kind);
    if (known) return known;
    const outbox = new Outbox({
      clock,
      async send(key, signal) {
        const waiting = rows.all.get(key)?.waiting;
        if (waiting) await send(kind, deliveryOf(waiting), signal);
      },
      done: (key, error) => delivered(kind, key, error),
    });
    outboxes.set(kind, outbox);
    if (isStarted) outbox.start();
    return outbox;
  }

  function delivered(kind: string, key: string, error: unknown): void {
    const now = clock.now();
    const text = error === undefined ? undefined : messageOf(error);
    if (text !== undefined) log.warn({ channel: kind, subject: key, err: error }, "a notice was not delivered");
    channels
      .told(kind, now, text)
      .catch((reason: unknown) => log.warn({ err: reason }, "a channel's state was not stored"));
    const row = rows.all.get(key);
    if (!row?.waiting) return;
    const left = row.waiting.left.filter((one) => one !== kind);
    rows.set(key, { state: row.state, ...(left.length > 0 && { waiting: { ...row.waiting, left } }) }, now);
  }

  function notify(notice: Notice): void {
    const key = keyOf(notice.subject);
    const row = rows.all.get(key);
    if ((row?.state ?? "ok") === notice.state) return;
    const at = clock.now();
    // Who has not heard that something fails need not hear that it works again.
    const unheard = notice.state === "ok" ? (row?.waiting?.left ?? []) : [];
    const left = channels.kinds().filter((kind) => !unheard.includes(kind));
    for (const kind of unheard) outboxes.get(kind)?.delete(key);
    rows.set(key, { state: notice.state, ...(left.length > 0 && { waiting: { notice, at, left } }) }, at);
    for (const kind of left) outboxOf(kind).add(key);
  }

  for (const [key, { waiting }] of rows.all) {
    for (const kind of waiting?.left ?? []) if (channels.kinds().includes(kind)) outboxOf(kind).add(key);
  }

  return {
    channels: {
      list: () => channels.list(),
      set: (kind, values) => channels.set(kind, values),
      async remove(kind) {
        await channels.remove(kind);
        await outboxes.get(kind)?.close();
        outboxes.delete(kind);
      },
    },
    notify(notice) {
      try {
        notify(notice);
      } catch (error) {
        log.warn({ err: error }, "a notice was lost");
      }
    },
    forget(subject) {
      const key = keyOf(subject);
      for (const outbox of outboxes.values()) outbox.delete(key);
      rows.delete(key);
    },
    async test(kind, signal) {
      const message = testMessage(language(), siteUrl());
      const facts = { subject: { kind: "test" }, state: "test", at: clock.now(), message: "" };
      const kinds = kind === undefined ? channels.kinds() : [channels.get(kind).channel.kind];
      return Promise.all(
        kinds.map(async (one) => {
          try {
            await send(one, { ...message, facts }, signal);
            return { kind: one };
          } catch (error) {
            signal.throwIfAborted();
            if (!(error instanceof StorageError)) log.warn({ err: error, channel: one }, "a test message failed");
            return { kind: one, error: messageOf(error) };
          }
        }),
      );
    },
    start() {
      isStarted = true;
      for (const outbox of outboxes.values()) outbox.start();
    },
    async close() {
      await Promise.all([...outboxes.values()].map((outbox) => outbox.close()));
      await rows.settled();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof StorageError ? error.message : "internal error (see the log)";
}
