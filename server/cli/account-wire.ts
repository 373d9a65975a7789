/** The answers about accounts and logins that commands read. */
import { z } from "zod";
import { ERROR_KINDS } from "#drivers/contract/errors.ts";

/** One account of `GET /api/pandav/accounts`. */
export const account = z.looseObject({
  id: z.int(),
  kind: z.string(),
  userId: z.string(),
  name: z.string(),
  health: z.string(),
  loginRequired: z.boolean(),
  until: z.number().optional(),
  mounts: z.array(z.string()),
});
export type AccountReply = z.output<typeof account>;

const field = z.looseObject({
  name: z.string(),
  title: z.string(),
  required: z.boolean(),
  secret: z.boolean().optional(),
});
export type FieldReply = z.output<typeof field>;

/** One kind of `GET /api/pandav/account-kinds`. */
export const accountKind = z.looseObject({
  kind: z.string(),
  title: z.string(),
  flows: z.array(z.looseObject({ id: z.string(), title: z.string(), fields: z.array(field) })),
  takesText: z.boolean(),
  takesSession: z.boolean(),
  drivers: z.array(z.string()),
});
export type KindReply = z.output<typeof accountKind>;

const failure = z.looseObject({ kind: z.enum([...ERROR_KINDS, "internal"]), message: z.string() });
export type FailureReply = z.output<typeof failure>;

/** What `POST /api/pandav/accounts` answers, and what a login ends in. */
export const loginResult = z.looseObject({
  account,
  mountPath: z.string().optional(),
  mountError: failure.optional(),
});
export type ResultReply = z.output<typeof loginResult>;

const step = z.discriminatedUnion("kind", [
  z.looseObject({
    kind: z.literal("qr"),
    content: z.string(),
    url: z.string().optional(),
    state: z.enum(["waiting", "scanned", "refreshed"]),
  }),
  z.looseObject({ kind: z.literal("fields"), fields: z.array(field) }),
  z.looseObject({ kind: z.literal("code"), sentTo: z.string().optional() }),
]);
export type StepReply = z.output<typeof step>;

/** `GET /api/pandav/logins/{id}`. */
export const login = z.looseObject({
  id: z.string(),
  sequence: z.int(),
  status: z.enum(["running", "done", "failed"]),
  step: step.optional(),
  result: loginResult.optional(),
  error: failure.optional(),
});
export type LoginReply = z.output<typeof login>;
