/** A deletion as a row of the record: with the name of who asked, and from where. */
import type { Auth } from "../auth/auth.ts";
import { currentRequest } from "../request-context.ts";
import type { Deletion } from "../vfs/recording-removals.ts";

/** Never rejects: what was deleted is deleted, whether or not it can be recorded. */
export async function recordDeletion(
  { audit, users }: Pick<Auth, "audit" | "users">,
  { kind, subject, userId }: Deletion,
): Promise<void> {
  const address = currentRequest()?.address?.() ?? "";
  const user = userId === undefined ? undefined : await users.get(userId).catch(() => undefined);
  audit.record({ action: kind, ok: true, subject, address, user: user?.name ?? "" });
}
