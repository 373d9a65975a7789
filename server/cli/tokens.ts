/** `pandav token`: what programs log in with. */
import type { Writable } from "node:stream";
import { z } from "zod";
import { UsageError } from "../config.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { localMinutes } from "./format.ts";
import { CommandError, EXIT } from "./report.ts";
import { table } from "./table.ts";
import { oneLine, print } from "./terminal.ts";
import { apiToken, newApiToken } from "./wire.ts";

interface AddOptions {
  readonly user?: string;
  readonly scope: string;
  readonly path: string;
  readonly expires?: string;
  readonly json?: boolean;
}

/** Milliseconds. */
const UNITS = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000, y: 365 * 86_400_000 } as const;
const SCOPES = ["read", "write", "admin"];

/** Adds `token`. */
export function addToken(define: Definer): void {
  const { stdout } = define.options.terminal;
  const token = define.group("token", "What programs log in with, in the place of a password.");
  token
    .verb("add <name>", "Make a token and print it: it is shown only now.")
    .option("--user <name>", "whose it is (default: who asks)")
    .option("--scope <scope>", "read, write or admin", "read")
    .option("--path <path>", "the folder that is everything for its holder", "/")
    .option("--expires <when>", "its end: in 12h, 90d, 4w or 1y, or a date such as 2027-01-31 (default: never)")
    .option("--json", "one JSON object, with the token in it")
    .action((name: string, options: AddOptions, command) => {
      const { user, scope, path } = options;
      if (!SCOPES.includes(scope)) throw new UsageError("--scope is read, write or admin");
      const expiresAt = options.expires === undefined ? undefined : parseEnd(options.expires, Date.now());
      return define.withClient(command, async (client) => {
        const body = { name, scope, path, user, expiresAt };
        const made = await client.call({ method: "POST", path: "/api/pandav/tokens", body }, newApiToken);
        await print(stdout, options.json ? `${JSON.stringify(made)}\n` : `${made.token}\n`);
      });
    });
  token
    .verb("list", "Show the tokens: for administrators everybody's.")
    .option("--user <name>", "of this user alone")
    .option("--json", "one JSON object per line")
    .action((options, command) =>
      define.withClient(command, (client) => listTokens(client, options.user, options.json === true, stdout)),
    );
  token
    .verb("revoke <token>", "End a token, by id or name, at once and for good.")
    .option("--user <name>", "whose it is, where several users have a token of that name")
    .action((wanted: string, options, command) =>
      define.withClient(command, (client) => revoke(client, wanted, options.user)),
    );
}

async function listTokens(client: Client, user: string | undefined, json: boolean, out: Writable): Promise<void> {
  const all = await tokensOf(client, user);
  if (json) return print(out, all.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const rows = all.map((one) => [
    String(one.id),
    one.name,
    one.user,
    one.scope,
    one.path,
    one.expiresAt === undefined ? "never" : localMinutes(one.expiresAt),
    localMinutes(one.lastUsedAt).trim(),
  ]);
  await print(out, table([["ID", "NAME", "USER", "SCOPE", "PATH", "EXPIRES", "LAST USED"], ...rows]));
}

async function revoke(client: Client, wanted: string, user: string | undefined): Promise<void> {
  const all = await tokensOf(client, user);
  const byId = all.filter(({ id }) => String(id) === wanted);
  const [only, ...others] = byId.length > 0 ? byId : all.filter(({ name }) => name === wanted);
  if (!only) {
    throw new CommandError(EXIT.notFound, `${oneLine(wanted)}: there is no such token (pandav token list shows them)`);
  }
  if (others.length > 0) {
    const ids = [only, ...others].map(({ id, user: owner }) => `${id} (${oneLine(owner)})`).join(", ");
    throw new UsageError(`several tokens have that name: name one of ${ids}`);
  }
  await client.call({ method: "DELETE", path: `/api/pandav/tokens/${only.id}` }, z.unknown());
}

/** Everybody's where the caller administers, else his own. */
async function tokensOf(client: Client, user: string | undefined) {
  const call = (query: Record<string, string | boolean>) =>
    client.call({ method: "GET", path: "/api/pandav/tokens", query }, z.array(apiToken));
  if (user !== undefined) return call({ user });
  const { role } = await client.call({ method: "GET", path: "/api/me" }, z.object({ role: z.unknown() }));
  return call({ all: [role].flat().includes(ADMIN_ROLE) });
}

/** AList's number (alist-api.md §1). */
const ADMIN_ROLE = 2;

/** Milliseconds since the epoch. Throws UsageError. */
function parseEnd(text: string, now: number): number {
  const [, count, unit] = /^(\d{1,5})([hdwy])$/.exec(text) ?? [];
  if (count && unit) return now + Number(count) * UNITS[unit as keyof typeof UNITS];
  const date = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(date)) throw new UsageError(`--expires is 12h, 90d, 4w, 1y or a date, not "${oneLine(text)}"`);
  return date;
}
