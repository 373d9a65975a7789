/** Accounts and logins as our own routes show and take them. */
import { z } from "@hono/zod-openapi";
import { ERROR_KINDS, REASONS } from "#drivers/contract/errors.ts";
import type { AccountInfo, LoginFailure, LoginResult, LoginState } from "../accounts/api.ts";

const health = z.enum(["ok", "expiring", "expired", "kicked", "action-needed", "throttled", "blocked"]);

/** What a storage shows of its account. */
export const storageAccountSchema = z.object({ id: z.int(), kind: z.string(), name: z.string(), health });

export const accountSchema = z
  .object({
    ...storageAccountSchema.shape,
    userId: z.string(),
    loginRequired: z.boolean(),
    until: z.number().optional(),
    reason: z.enum(REASONS).optional(),
    rate: z.number().optional(),
    mounts: z.array(z.string()),
    createdAt: z.number(),
    modifiedAt: z.number(),
  })
  .openapi("Account");

const fieldSchema = z.object({
  name: z.string(),
  type: z.enum(["string", "number", "boolean", "choice"]),
  choices: z.array(z.string()).readonly().optional(),
  required: z.boolean(),
  title: z.string(),
  description: z.string(),
  default: z.unknown().optional(),
  secret: z.boolean().optional(),
  group: z.string().optional(),
  pick: z.literal("folder").optional(),
});

export const accountKindSchema = z
  .object({
    kind: z.string(),
    title: z.string(),
    flows: z.array(z.object({ id: z.string(), title: z.string(), fields: z.array(fieldSchema).readonly() })).readonly(),
    takesText: z.boolean(),
    takesSession: z.boolean(),
    drivers: z.array(z.string()).readonly(),
  })
  .openapi("AccountKind");

/** The mount that a login is to end in: made where the account has none. */
export const mountWish = z.object({
  mountPath: z.string().min(1),
  /** Default: the first driver that needs such an account. */
  driver: z.string().optional(),
  settings: z.record(z.string(), z.unknown()).default({}),
  /** The command line's bare paths lie in it from then on. */
  use: z.boolean().default(false),
});
export type MountWish = z.output<typeof mountWish>;

const failureSchema = z.object({
  kind: z.enum([...ERROR_KINDS, "internal"]),
  reason: z.enum(REASONS).optional(),
  message: z.string(),
});

export const loginResultSchema = z
  .object({ account: accountSchema, mountPath: z.string().optional(), mountError: failureSchema.optional() })
  .openapi("LoginResult");

const stepSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("qr"),
    content: z.string(),
    url: z.string().optional(),
    state: z.enum(["waiting", "scanned", "refreshed"]),
    expiresAt: z.number().optional(),
  }),
  z.object({ kind: z.literal("fields"), fields: z.array(fieldSchema).readonly() }),
  z.object({ kind: z.literal("code"), sentTo: z.string().optional() }),
]);

export const loginSchema = z
  .object({
    id: z.string(),
    kind: z.string(),
    flow: z.string(),
    sequence: z.int(),
    status: z.enum(["running", "done", "failed"]),
    step: stepSchema.optional(),
    result: loginResultSchema.optional(),
    error: failureSchema.optional(),
    expiresAt: z.number(),
  })
  .openapi("Login");

export function toStorageAccount({ id, kind, name, health }: AccountInfo): z.input<typeof storageAccountSchema> {
  return { id, kind, name, health: health.state };
}

/** An account with the mount paths that use it. */
export function toAccount(info: AccountInfo, mounts: readonly string[]): z.input<typeof accountSchema> {
  const { userId, loginRequired, rate, createdAt, modifiedAt } = info;
  const { until, reason } = info.health;
  return {
    ...toStorageAccount(info),
    userId,
    loginRequired,
    ...(until !== undefined && { until }),
    ...(reason && { reason }),
    ...(rate !== undefined && { rate }),
    mounts: [...mounts],
    createdAt,
    modifiedAt,
  };
}

export function toLoginResult(result: LoginResult, mounts: readonly string[]): z.input<typeof loginResultSchema> {
  const { account, mountPath, mountError } = result;
  return {
    account: toAccount(account, mounts),
    ...(mountPath !== undefined && { mountPath }),
    ...(mountError && { mountError: toFailure(mountError) }),
  };
}

export function toLogin(state: LoginState, mounts: readonly string[]): z.input<typeof loginSchema> {
  const { id, kind, flow, sequence, status, step, result, error, expiresAt } = state;
  return {
    id,
    kind,
    flow,
    sequence,
    status,
    ...(step && { step }),
    ...(result && { result: toLoginResult(result, mounts) }),
    ...(error && { error: toFailure(error) }),
    expiresAt,
  };
}

function toFailure({ kind, reason, message }: LoginFailure): z.input<typeof failureSchema> {
  return { kind, ...(reason && { reason }), message };
}
