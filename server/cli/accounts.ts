/** `pandav whoami` and `pandav logout`: who is logged in, and who no longer. */
import type { Writable } from "node:stream";
import { z } from "zod";
import { kindOf } from "#drivers/contract/errors.ts";
import { UsageError } from "../config.ts";
import { type AccountReply, account } from "./account-wire.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { mountsOf } from "./paths.ts";
import { CommandError, EXIT } from "./report.ts";
import { oneLine, print } from "./terminal.ts";

const accounts = z.array(account);

/** Adds `whoami` and `logout`. */
export function addAccounts(define: Definer): void {
  const { stdout } = define.options.terminal;
  define
    .verb("whoami", "Show who is logged in where.")
    .option("--json", "one JSON object per line")
    .action((options, command) =>
      define.withClient(command, (client) => whoami(client, options.json === true, stdout)),
    );
  define
    .verb("logout [account]", "Forget a login; what is mounted stays, and asks for a new one.")
    .action((wanted: string | undefined, _options, command) =>
      define.withClient(command, (client) => logout(client, wanted, stdout)),
    );
}

async function whoami(client: Client, json: boolean, out: Writable): Promise<void> {
  const all = await listAccounts(client);
  const lines = all.map((one) => (json ? JSON.stringify(one) : described(one)));
  await print(out, lines.map((line) => `${line}\n`).join(""));
  if (all.some(({ loginRequired }) => !loginRequired)) return;
  throw new CommandError(EXIT.loginRequired, 'nobody is logged in: use "pandav auth"');
}

/** A folder that holds no data has no accounts either. */
async function listAccounts(client: Client): Promise<readonly AccountReply[]> {
  try {
    return await client.call({ method: "GET", path: "/api/pandav/accounts" }, accounts);
  } catch (error) {
    if (kindOf(error) === "invalid-config") return [];
    throw error;
  }
}

async function logout(client: Client, wanted: string | undefined, out: Writable): Promise<void> {
  const all = await listAccounts(client);
  const one = await choose(client, all, wanted);
  await client.call({ method: "POST", path: `/api/pandav/accounts/${one.id}/logout` }, account);
  const stays = one.mounts.length === 0 ? "" : ` ${one.mounts.join(", ")} stays and asks for a login.`;
  await print(out, `${oneLine(`Logged out ${one.name} (${one.kind}).${stays}`)}\n`);
}

/** The account that a word means: by id, user id, name, kind or mount path. Throws CommandError, UsageError, Refused. */
export async function findAccount(client: Client, wanted: string): Promise<AccountReply> {
  return choose(client, await listAccounts(client), wanted);
}

/** As `findAccount`; without a word the one of the mount in use, else the only one. */
async function choose(client: Client, all: readonly AccountReply[], wanted: string | undefined): Promise<AccountReply> {
  const candidates = wanted === undefined ? await candidatesOf(client, all) : meant(all, wanted);
  const [only, ...others] = candidates;
  if (only && others.length === 0) return only;
  if (!only && wanted !== undefined) {
    throw new CommandError(EXIT.notFound, `${oneLine(wanted)}: there is no such account (pandav whoami shows them)`);
  }
  if (!only) throw new CommandError(EXIT.loginRequired, "nobody is logged in");
  throw new UsageError(`name one of ${candidates.map(({ id, name }) => `${id} (${oneLine(name)})`).join(", ")}`);
}

async function candidatesOf(client: Client, all: readonly AccountReply[]): Promise<readonly AccountReply[]> {
  if (all.length < 2) return all;
  const { inUse } = await mountsOf(client);
  const used = all.filter((one) => inUse !== undefined && one.mounts.includes(inUse));
  return used.length > 0 ? used : all.filter(({ loginRequired }) => !loginRequired);
}

/** An id is what tells accounts apart, so nothing else that reads like it counts beside it. */
function meant(all: readonly AccountReply[], wanted: string): readonly AccountReply[] {
  const byId = all.filter(({ id }) => String(id) === wanted);
  if (byId.length > 0) return byId;
  const path = `/${wanted.replace(/^\/+|\/+$/g, "")}`;
  return all.filter(({ userId, name, kind, mounts }) => [userId, name, kind].includes(wanted) || mounts.includes(path));
}

function described(one: AccountReply): string {
  const { name, kind, health, loginRequired, until } = one;
  const state = loginRequired ? "login required" : health === "ok" ? "logged in" : `logged in, ${health}`;
  const end = until === undefined || loginRequired ? "" : ` until ${new Date(until).toISOString().slice(0, 16)}Z`;
  const where = one.mounts.length === 0 ? "" : `, mounted at ${one.mounts.join(", ")}`;
  return oneLine(`${name} (${kind}): ${state}${end}${where}`);
}
