/** `pandav user`: who may use the server, and what each may do. */
import type { Writable } from "node:stream";
import { z } from "zod";
import { BIT } from "../auth/permission-bits.ts";
import { UsageError } from "../config.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { newPassword } from "./password.ts";
import { CommandError, EXIT } from "./report.ts";
import { table } from "./table.ts";
import { oneLine, print, type Terminal } from "./terminal.ts";
import { type UserReply, userPage } from "./wire.ts";

/** What `--rights` may say beside AList's own words (alist-api.md §4.7). */
const PRESETS: Readonly<Record<string, number>> = {
  none: 0,
  read: BIT.webdav_read,
  write: BIT.webdav_read | BIT.webdav_manage | BIT.write | BIT.rename | BIT.move | BIT.copy | BIT.delete,
};

/** AList's numbers of roles (alist-api.md §1). */
const ROLES = ["general", "guest", "admin"] as const;

interface AddOptions {
  readonly basePath: string;
  readonly rights: string;
  readonly random?: boolean;
}

/** Adds `user`. */
export function addUser(define: Definer): void {
  const { terminal, signal, makePassword } = define.options;
  const user = define.group("user", "Who may use the server.");
  user
    .verb("add <name>", "Make a user; the password is typed twice, or one line of standard input.")
    .option("--base-path <path>", "the folder that is everything for the user", "/")
    .option(
      "--rights <words>",
      `none, read, write, or any of ${Object.keys(BIT).join(", ")}, with commas between`,
      "read",
    )
    .option("--random", "make a password up and print it")
    .action((name: string, options: AddOptions, command) => {
      const permission = parseRights(options.rights);
      return define.withClient(
        command,
        async (client) => {
          const random = options.random ? makePassword() : undefined;
          const password = await newPassword(name, random, terminal, signal);
          const body = { username: name, password, base_path: options.basePath, permission, role: 0 };
          await client.call({ method: "POST", path: "/api/admin/user/create", body }, z.unknown());
          if (random !== undefined) await print(terminal.stdout, `${random}\n`);
        },
        { mayCreate: true },
      );
    });
  user
    .verb("list", "Show the users and what each may do.")
    .option("--json", "one JSON object per line")
    .action((options, command) =>
      define.withClient(command, (client) => listUsers(client, options.json === true, terminal.stdout)),
    );
  user
    .verb("remove <name>", "Remove a user with all sessions and tokens; files stay.")
    .action((name: string, _options, command) =>
      define.withClient(command, async (client) => {
        const { id } = await findUser(client, name);
        await client.call({ method: "POST", path: "/api/admin/user/delete", query: { id } }, z.unknown());
      }),
    );
  user
    .verb("passwd [name]", "Change a password: typed twice, or one line of standard input.")
    .option("--random", "make one up and print it")
    .option("--no-2fa", "ask the user for no codes any more; the password stays as it is")
    .action((name = "admin", options, command) =>
      define.withClient(
        command,
        (client) => {
          if (options["2fa"] === false) return cancelCodes(client, name);
          return changePassword(client, name, options.random ? makePassword() : undefined, terminal, signal);
        },
        { mayCreate: true },
      ),
    );
}

async function listUsers(client: Client, json: boolean, out: Writable): Promise<void> {
  const rows = (await allUsers(client)).map((one) => ({
    id: one.id,
    name: one.username,
    role: ROLES[one.role] ?? "general",
    basePath: one.base_path,
    permission: one.permission,
    rights: rightsOf(one.permission),
    disabled: one.disabled,
    secondFactor: one.otp,
  }));
  if (json) return print(out, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const shown = rows.map(({ name, role, basePath, rights, disabled, secondFactor }) => [
    name,
    role,
    basePath,
    disabled ? "disabled" : secondFactor ? "second factor" : "",
    role === "admin" ? "everything" : rights.join(","),
  ]);
  await print(out, table([["NAME", "ROLE", "BASE PATH", "STATE", "RIGHTS"], ...shown]));
}

/** The old form: numbers for roles, whatever the server's setting. */
async function allUsers(client: Client): Promise<readonly UserReply[]> {
  return (await client.call({ method: "GET", path: "/api/admin/user/list" }, userPage)).content;
}

/** Throws CommandError. */
async function findUser(client: Client, name: string): Promise<UserReply> {
  const found = (await allUsers(client)).find(({ username }) => username === name);
  if (found) return found;
  throw new CommandError(EXIT.notFound, `${oneLine(name)}: there is no such user (pandav user list shows them)`);
}

async function cancelCodes(client: Client, name: string): Promise<void> {
  const { id } = await findUser(client, name);
  await client.call({ method: "POST", path: "/api/admin/user/cancel_2fa", query: { id } }, z.unknown());
}

async function changePassword(
  client: Client,
  name: string,
  random: string | undefined,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const password = await newPassword(name, random, terminal, signal);
  await client.call({ method: "POST", path: "/api/pandav/user/password", body: { name, password } }, z.unknown());
  if (random !== undefined) await print(terminal.stdout, `${random}\n`);
}

/** Throws UsageError on a word that names no right. */
function parseRights(text: string): number {
  let bits = 0;
  for (const word of text.split(",").map((one) => one.trim())) {
    const known: Readonly<Record<string, number>> = { ...BIT, ...PRESETS };
    const bit = Object.hasOwn(known, word) ? known[word] : undefined;
    if (bit === undefined) throw new UsageError(`--rights knows no "${oneLine(word)}" (pandav user add --help)`);
    bits |= bit;
  }
  return bits;
}

function rightsOf(permission: number): string[] {
  return Object.entries(BIT).flatMap(([name, bit]) => ((permission & bit) === 0 ? [] : [name]));
}
