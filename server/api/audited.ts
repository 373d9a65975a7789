/** Which routes leave a row in the record, and what stands in it. */

/** What a row says of a call. */
export interface AuditForm {
  readonly action: string;
  /** The fields of the input that name what it was done to, in order; none of them a secret. */
  readonly subject: readonly string[];
}

const form = (action: string, ...subject: string[]): AuditForm => ({ action, subject });

/** Every route that changes who may do what, or what is mounted, by its path as declared. */
export const AUDITED_ROUTES: Readonly<Record<string, AuditForm>> = {
  "/api/auth/2fa/verify": form("user.second-factor"),
  "/api/me/update": form("user.update", "username"),
  "/api/admin/user/create": form("user.create", "username"),
  "/api/admin/user/update": form("user.update", "id", "username"),
  "/api/admin/user/delete": form("user.delete", "id"),
  "/api/admin/user/cancel_2fa": form("user.second-factor-off", "id"),
  "/api/pandav/user/password": form("user.password", "name"),
  "/api/pandav/tokens": form("token.create", "user", "name"),
  "/api/pandav/tokens/{id}": form("token.revoke", "id"),
  "/api/admin/meta/create": form("meta.create", "path"),
  "/api/admin/meta/update": form("meta.update", "id", "path"),
  "/api/admin/meta/delete": form("meta.delete", "id"),
  "/api/admin/storage/create": form("storage.create", "mount_path"),
  "/api/admin/storage/update": form("storage.update", "id", "mount_path"),
  "/api/admin/storage/delete": form("storage.delete", "id"),
  "/api/admin/storage/enable": form("storage.enable", "id"),
  "/api/admin/storage/disable": form("storage.disable", "id"),
  "/api/admin/setting/save": form("setting.save"),
  "/api/admin/setting/delete": form("setting.forget", "key"),
  "/api/admin/setting/reset_token": form("setting.token"),
  "/api/admin/setting/set_token": form("setting.token"),
  "/api/me/sessions/evict": form("session.end"),
  "/api/admin/session/evict": form("session.end"),
  "/api/share/create": form("share.create", "id"),
  "/api/share/update": form("share.update", "id"),
  "/api/share/delete": form("share.delete", "id"),
  "/api/share/enable": form("share.enable", "id"),
  "/api/share/disable": form("share.disable", "id"),
  "/api/pandav/storages": form("storage.create", "mountPath"),
  "/api/pandav/storages/set": form("storage.update", "id"),
  "/api/pandav/accounts": form("account.create", "kind", "name"),
  "/api/pandav/accounts/{id}": form("account.delete", "id"),
  "/api/pandav/accounts/{id}/logout": form("account.logout", "id"),
  "/api/pandav/accounts/{id}/rate": form("account.rate", "id"),
  "/api/pandav/notifications/channels": form("notification.set", "kind"),
  "/api/pandav/notifications/channels/{kind}": form("notification.remove", "kind"),
  "/api/pandav/notifications/test": form("notification.test", "kind"),
  "/api/pandav/logins": form("account.login", "kind"),
};

/** The row of a call: undefined where reading was all it did, and for routes that leave none. */
export function auditFormOf(method: string, path: string): AuditForm | undefined {
  return method === "GET" || method === "HEAD" ? undefined : AUDITED_ROUTES[path];
}

/** What the input names: its values, parted by spaces. */
export function subjectOf({ subject }: AuditForm, input: unknown): string {
  const fields = input as Readonly<Record<string, unknown>>;
  return subject
    .map((name) => fields[name])
    .filter((value) => (typeof value === "string" && value !== "") || typeof value === "number")
    .join(" ");
}
