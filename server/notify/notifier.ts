/** What the owner of the server must hear of. */
import type { Log } from "#drivers/contract/driver.ts";

/** Who or what it is about, as a person knows it. Holds no secret. */
export type NoticeSubject =
  | { readonly kind: "account"; readonly id: number; readonly accountKind: string; readonly name: string }
  | { readonly kind: "mount"; readonly id: number; readonly mountPath: string; readonly driver: string }
  | {
      readonly kind: "task";
      readonly id: string;
      readonly taskKind: string;
      readonly from: string;
      readonly to?: string;
    }
  | { readonly kind: "backup" };

/** How it is now. With `ok` nothing is to be done, with `cooling-down` but to wait; for all else a person is needed. */
export type NoticeState = "login-required" | "action-needed" | "blocked" | "cooling-down" | "failed" | "ok";

/** How something is. Told again and again, it is news only where the state is another than the owner was last told. */
export interface Notice {
  readonly subject: NoticeSubject;
  readonly state: NoticeState;
  /** One line for people, with the remedy; empty with `ok`. Holds no secret. */
  readonly message: string;
}

export interface Notifier {
  /** Never throws and never waits. */
  notify(notice: Notice): void;
  /** What is gone is told of no more. */
  forget(subject: NoticeSubject): void;
}

/** The subject's name in the store. */
export function keyOf(subject: NoticeSubject): string {
  return subject.kind === "backup" ? "backup" : `${subject.kind}:${subject.id}`;
}

/** Writes each notice to the log, as one line, and hands it to `next` where there is one. */
export function createNotifier(log: Log, next?: Notifier): Notifier {
  return {
    notify(notice) {
      const { subject, state, message } = notice;
      if (state !== "ok") log.warn({ notice: state, subject: keyOf(subject) }, message);
      next?.notify(notice);
    },
    forget: (subject) => next?.forget(subject),
  };
}
