/** What the owner of the server must hear of, and where it goes. */
import type { Log } from "#drivers/contract/driver.ts";

/** Something that only a person can set right. Holds no secret. */
export interface Notice {
  readonly kind: "login-required";
  readonly account: { readonly id: number; readonly kind: string; readonly name: string };
  /** One line for people, with the remedy. */
  readonly message: string;
}

export interface Notifier {
  /** Never throws and never waits. */
  notify(notice: Notice): void;
}

/** Writes each notice to the log, as one line, and hands it to `deliver` where there is one. */
export function createNotifier(log: Log, deliver?: (notice: Notice) => Promise<void>): Notifier {
  return {
    notify(notice) {
      const { kind, account, message } = notice;
      log.warn({ notice: kind, account: account.id }, message);
      deliver?.(notice).catch((error: unknown) => log.warn({ notice: kind, err: error }, "a notice was not delivered"));
    },
  };
}
