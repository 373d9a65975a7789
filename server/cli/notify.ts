/** `pandav notify`: how the owner is told of what only he can set right. */
import type { Writable } from "node:stream";
import { z } from "zod";
import { UsageError } from "../config.ts";
import { LANGUAGES } from "../notify/words.ts";
import { Asker } from "./asking.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { localMinutes } from "./format.ts";
import { askHidden } from "./password.ts";
import { CommandError, EXIT } from "./report.ts";
import { table } from "./table.ts";
import { oneLine, print, type Terminal } from "./terminal.ts";

const channel = z.object({
  kind: z.string(),
  title: z.string(),
  fields: z.array(z.looseObject({ name: z.string(), required: z.boolean(), secret: z.boolean().optional() })),
  isSet: z.boolean(),
  settings: z.record(z.string(), z.unknown()),
  lastAt: z.number().optional(),
  lastError: z.string().optional(),
});
const notifications = z.object({ language: z.string(), channels: z.array(channel) });
const results = z.array(z.object({ kind: z.string(), error: z.string().optional() }));

const PATH = "/api/pandav/notifications";

/** Adds `notify`. */
export function addNotify(define: Definer): void {
  const { terminal, signal } = define.options;
  const { stdout } = terminal;
  const notify = define.group(
    "notify",
    "How you are told of logins that end, mounts that fail, and tasks that failed.",
  );
  notify
    .verb("list", "Show the channels and how their last message went.")
    .option("--json", "one JSON object per line")
    .action((options, command) => define.withClient(command, (client) => list(client, options.json === true, stdout)));
  notify
    .verb(
      "set <channel>",
      "Set up webhook, email, bark, serverchan or telegram; what is not named stays. Secrets are asked for.",
    )
    .option(
      "--set <key=value>",
      "a setting of the channel that is no secret (repeatable)",
      (text: string, before: string[]) => [...before, text],
      [],
    )
    .option(
      "--secret <key>",
      "a secret to read from the terminal, or a line of standard input each (repeatable; default: those that are needed and missing)",
      (text: string, before: string[]) => [...before, text],
      [],
    )
    .action((kind: string, options: SetOptions, command) =>
      define.withClient(command, (client) => set(client, kind, options, terminal, signal)),
    );
  notify.verb("remove <channel>", "Forget a channel.").action((kind: string, _options, command) =>
    define.withClient(command, async (client) => {
      await client.call({ method: "DELETE", path: `${PATH}/channels/${encodeURIComponent(kind)}` }, z.unknown());
    }),
  );
  notify
    .verb("test [channel]", "Send a test message over one channel, or over all.")
    .action((kind: string | undefined, _options, command) =>
      define.withClient(command, async (client) => {
        const body = kind === undefined ? {} : { kind };
        const sent = await client.call({ method: "POST", path: `${PATH}/test`, body }, results);
        if (sent.length === 0)
          throw new CommandError(EXIT.failed, 'no channel is set up ("pandav notify set CHANNEL")');
        await print(
          stdout,
          sent
            .filter(({ error }) => error === undefined)
            .map((one) => `${one.kind}: delivered\n`)
            .join(""),
        );
        for (const { kind: name, error } of sent) {
          if (error !== undefined) define.complain(new CommandError(EXIT.failed, `${name}: ${error}`));
        }
      }),
    );
  notify
    .verb("language [language]", `Choose the language of messages (${LANGUAGES.join(" or ")}), or show it.`)
    .action((language: string | undefined, _options, command) => {
      if (language !== undefined && !(LANGUAGES as readonly string[]).includes(language)) {
        throw new UsageError(`the language is ${LANGUAGES.join(" or ")}, and not "${oneLine(language)}"`);
      }
      return define.withClient(command, async (client) => {
        if (language === undefined) return print(stdout, `${(await read(client)).language}\n`);
        await client.call({ method: "POST", path: `${PATH}/language`, body: { language } }, z.unknown());
      });
    });
}

interface SetOptions {
  readonly set: readonly string[];
  readonly secret: readonly string[];
}

async function read(client: Client): Promise<z.output<typeof notifications>> {
  return client.call({ method: "GET", path: PATH }, notifications);
}

async function list(client: Client, json: boolean, out: Writable): Promise<void> {
  const { channels } = await read(client);
  if (json) {
    const rows = channels.map(({ kind, isSet, settings, lastAt, lastError }) => ({
      kind,
      isSet,
      settings,
      lastAt,
      lastError,
    }));
    return print(out, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  }
  const rows = channels.map(({ kind, isSet, lastAt, lastError }) => [
    kind,
    isSet ? "set up" : "-",
    localMinutes(lastAt).trim(),
    lastError === undefined ? (lastAt === undefined ? "" : "delivered") : oneLine(lastError),
  ]);
  await print(out, table([["CHANNEL", "STATE", "LAST", "HOW IT WENT"], ...rows]));
}

async function set(
  client: Client,
  kind: string,
  o: SetOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { channels } = await read(client);
  const found = channels.find((one) => one.kind === kind);
  if (!found) {
    const kinds = channels.map((one) => one.kind).join(", ");
    throw new UsageError(`there is no channel "${oneLine(kind)}": name one of ${kinds}`);
  }
  const given = Object.fromEntries(o.set.map(parseSetting));
  const secrets = found.fields.filter(({ secret }) => secret === true).map(({ name }) => name);
  const open = o.secret.find((name) => !secrets.includes(name));
  if (open !== undefined) throw new UsageError(`--secret is one of ${secrets.join(", ")}, and not "${oneLine(open)}"`);
  const missing = found.fields.filter(
    ({ name, required, secret }) => required && secret === true && !(name in found.settings),
  );
  const asked = o.secret.length > 0 ? o.secret : missing.map(({ name }) => name).filter((name) => !(name in given));
  const answers = await readSecrets(asked, terminal, signal);
  const body = { kind, settings: { ...found.settings, ...given, ...answers } };
  await client.call({ method: "POST", path: `${PATH}/channels`, body }, z.unknown());
}

async function readSecrets(
  names: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  const lines = new Asker(terminal, signal);
  try {
    for (const name of names) {
      const answer = terminal.stdin.isTTY ? await askHidden(`${name}: `, terminal, signal) : await lines.ask("");
      if (!answer) throw new CommandError(EXIT.failed, `no ${name} was given: nothing was changed`);
      answers[name] = answer;
    }
    return answers;
  } finally {
    lines.close();
  }
}

function parseSetting(text: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  throw new UsageError(`--set needs key=value, such as host=smtp.example.com, and not "${text}"`);
}
