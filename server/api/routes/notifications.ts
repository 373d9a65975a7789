/** How the owner is told of what only he can set right: the channels, and their test button. */
import { z } from "@hono/zod-openapi";
import type { ChannelInfo } from "../../notify/channel-store.ts";
import { LANGUAGES } from "../../notify/words.ts";
import { declare } from "../declare.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { fromText, maskSettings, unmaskSettings } from "../storage-form.ts";

const channelSchema = z
  .object({
    kind: z.string(),
    title: z.string(),
    fields: z.array(z.looseObject({ name: z.string(), type: z.string(), required: z.boolean() })),
    isSet: z.boolean(),
    /** Secrets are masked; a mask sent back means unchanged. */
    settings: z.record(z.string(), z.unknown()),
    lastAt: z.number().optional(),
    lastError: z.string().optional(),
  })
  .openapi("NotificationChannel");

/** Adds `/api/pandav/notifications/*`. */
export function notificationRoutes(app: ApiApp, deps: ApiDeps): void {
  const { notices, settings } = deps;

  declare(
    app,
    deps,
    {
      method: "get",
      path: "/api/pandav/notifications",
      summary: "The channels over which the owner is told, and the language",
      access: "admin",
      input: z.object({}),
      output: z.object({ language: z.enum(LANGUAGES), channels: z.array(channelSchema) }),
    },
    async () => ({ language: settings.get("notify_language"), channels: notices.channels.list().map(shown) }),
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/notifications/channels",
      summary: "Set a channel up, or change it",
      access: "admin",
      source: "json",
      input: z.object({ kind: z.string().min(1), settings: z.record(z.string(), z.unknown()) }),
      output: z.null(),
    },
    async ({ input }) => {
      const known = notices.channels.list().find(({ kind }) => kind === input.kind);
      const sent = known ? fromText(known, unmaskSettings(known, input.settings, known.settings)) : input.settings;
      await notices.channels.set(input.kind, sent);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "delete",
      path: "/api/pandav/notifications/channels/{kind}",
      summary: "Forget a channel",
      access: "admin",
      input: z.object({ kind: z.string() }),
      output: z.null(),
    },
    async ({ input: { kind } }) => {
      await notices.channels.remove(kind);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/notifications/language",
      summary: "Choose the language of notices",
      access: "admin",
      source: "json",
      input: z.object({ language: z.enum(LANGUAGES) }),
      output: z.null(),
    },
    async ({ input: { language } }) => {
      await settings.set("notify_language", language);
      return null;
    },
  );

  declare(
    app,
    deps,
    {
      method: "post",
      path: "/api/pandav/notifications/test",
      summary: "Send a test message over one channel, or over all that are set up",
      access: "admin",
      source: "json",
      input: z.object({ kind: z.string().optional() }),
      output: z.array(z.object({ kind: z.string(), error: z.string().optional() })),
    },
    async ({ input: { kind }, signal }) => [...(await notices.test(kind, signal))],
  );
}

function shown({ fields, settings, ...info }: ChannelInfo): z.input<typeof channelSchema> {
  return {
    ...info,
    fields: fields.map((field) => ({ ...field })),
    isSet: settings !== undefined,
    settings: settings ? maskSettings({ fields }, settings) : {},
  };
}
