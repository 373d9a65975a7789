/** An account's health between the contract and the durable database. */
import type { Health } from "#drivers/contract/account.ts";
import { type Reason, StorageError } from "#drivers/contract/errors.ts";
import type { NoticeState } from "../notify/notifier.ts";
import type { AccountRow } from "./rows.ts";

export function healthOf({ health, until, reason }: AccountRow): Health {
  return {
    state: health as Health["state"],
    ...(until !== null && { until }),
    ...(reason !== null && { reason: reason as Reason }),
  };
}

export function columnsOf({ state, until, reason }: Health): Pick<AccountRow, "health" | "until" | "reason"> {
  return { health: state, until: until ?? null, reason: reason ?? null };
}

/** True where nothing but a new login helps. */
export function isOver({ state }: Health): boolean {
  return state === "expired" || state === "kicked";
}

/** The health of an account whose login was refused with `error`. */
export function expiredBy(error: unknown): Health {
  const reason = error instanceof StorageError ? error.reason : undefined;
  return { state: "expired", ...(reason && { reason }) };
}

/** What every use of such an account fails with. */
export function loginRequired({ name, kind }: Pick<AccountRow, "name" | "kind">): StorageError {
  const message = `the login of ${name} (${kind}) is over: log in again with "pandav auth --kind ${kind}"`;
  return new StorageError("unauthenticated", message, { reason: "expired" });
}

/** What every use of an account fails with whose stored credential cannot be read. */
export function unreadable({ id, kind }: Pick<AccountRow, "id" | "kind">, error: unknown): StorageError {
  if (error instanceof StorageError) {
    return new StorageError("unauthenticated", error.message, { reason: "expired", cause: error });
  }
  return new StorageError(
    "unauthenticated",
    `the stored login of account ${id} (${kind}) is of a form that is not known: log in again with "pandav auth --kind ${kind}"`,
    { reason: "expired" }, // no cause: a schema's complaint may quote what it read
  );
}

/** What the owner is told of an account, and the remedy. */
export function noticeOf(
  row: AccountRow,
  isLoginOver: boolean,
  cause: StorageError | undefined,
): { readonly state: NoticeState; readonly message: string } {
  if (isLoginOver) return { state: "login-required", message: (cause ?? loginRequired(row)).message };
  const { name, kind } = row;
  const until = row.until === null ? "" : `, until ${new Date(row.until).toISOString()}`;
  const why = row.reason === null ? "" : ` (${row.reason})`;
  switch (row.health) {
    case "blocked":
      return {
        state: "blocked",
        message: `the service has blocked ${name} (${kind})${why}${until}: leave it alone until then`,
      };
    case "throttled":
      return { state: "cooling-down", message: `the service asks ${name} (${kind}) to wait${why}${until}` };
    case "action-needed":
      return {
        state: "action-needed",
        message: `the service wants something of ${name} (${kind})${why}: log in on its own site`,
      };
    default:
      return { state: "ok", message: "" };
  }
}
