/** `pandav auth`: logs in at a service, and mounts it. */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { UsageError } from "../config.ts";
import {
  type AccountReply,
  account,
  accountKind,
  type KindReply,
  loginResult,
  type ResultReply,
} from "./account-wire.ts";
import type { Client } from "./client.ts";
import type { Definer, ProgramOptions } from "./definer.ts";
import { inputOf, refusedAs, runLogin } from "./login-run.ts";
import { LoginScreen } from "./login-screen.ts";
import { CommandError, EXIT } from "./report.ts";
import { oneLine, print } from "./terminal.ts";

/** Alone, the command means SJTU Pan (architecture.md §9). */
const DEFAULT_KIND = "sjtu";

/** Longest that a login takes at the server, in seconds. */
const MAX_TIMEOUT = 300;

interface Options {
  readonly kind: string;
  readonly flow?: string;
  readonly cookie?: string;
  readonly token?: string;
  readonly stdin?: boolean;
  readonly import?: string;
  readonly png?: string;
  readonly urlOnly?: boolean;
  readonly qr: boolean;
  readonly timeout: string;
  /** False: `--no-mount`. */
  readonly mount: string | boolean;
  readonly force?: boolean;
}

/** Adds `auth`. */
export function addAuth(define: Definer): void {
  define
    .verb("auth", "Log in at a service with a QR code, a cookie or a token, and mount it.")
    .alias("login")
    .option("--kind <kind>", "whose login it is", DEFAULT_KIND)
    .option("--flow <flow>", "a way to log in, instead of the first that the service has")
    .option("--cookie <value>", "log in with a cookie of the browser (others on this machine can see it: see --stdin)")
    .option("--token <value>", "log in with a token of the browser")
    .option("--stdin", "log in with a cookie or token from standard input")
    .option("--import <file>", "log in with the session file of another client, such as ~/.jdisk/session.json")
    .option("--png <file>", "write the QR code into a file")
    .option("--url-only", "print the address to open instead of a QR code")
    .option("--no-qr", "the same as --url-only")
    .option("--timeout <seconds>", "how long to wait for the login to be confirmed", String(MAX_TIMEOUT))
    .option("--mount <path>", "where to mount it (default: / and the kind)")
    .option("--no-mount", "mount nothing")
    .option("--force", "log in although somebody is logged in")
    .action((options: Options, command) => {
      const wish = check(options);
      return define.withClient(command, (client) => auth(client, options, wish, define.options), { mayCreate: true });
    });
}

interface Wish {
  readonly timeoutMs: number;
  readonly mount: { readonly mountPath: string; readonly use: true } | undefined;
}

function check(o: Options): Wish {
  const ways = Object.entries({
    "--flow": o.flow,
    "--cookie": o.cookie,
    "--token": o.token,
    "--stdin": o.stdin,
    "--import": o.import,
  }).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (ways.length > 1) throw new UsageError(`${ways.join(" and ")} exclude each other: name one of them`);
  const seconds = Number(o.timeout);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_TIMEOUT) {
    throw new UsageError(`--timeout needs seconds from 1 to ${MAX_TIMEOUT}, and not "${o.timeout}"`);
  }
  const mountPath = typeof o.mount === "string" ? o.mount : `/${o.kind}`;
  return { timeoutMs: seconds * 1000, mount: o.mount === false ? undefined : { mountPath, use: true } };
}

async function auth(client: Client, o: Options, wish: Wish, { terminal, signal }: ProgramOptions): Promise<void> {
  const kind = await findKind(client, o.kind);
  const given = await readText(o, terminal.stdin);
  const isGiven = given !== undefined || o.cookie !== undefined || o.token !== undefined;
  const out = o.urlOnly || !o.qr ? terminal.stderr : terminal.stdout;
  if (!isGiven && !o.force) {
    const known = await findLogin(client, kind.kind);
    if (known) return print(out, `Already logged in as ${described(await mounted(client, known, kind, wish))}.\n`);
  }
  const result =
    given === undefined
      ? await runLogin(
          { kind: kind.kind, ...flowOf(kind, o), ...(wish.mount && { mount: wish.mount }) },
          {
            client,
            screen: new LoginScreen(terminal, {
              urlOnly: o.urlOnly === true || !o.qr,
              ...(o.png !== undefined && { png: o.png }),
            }),
            terminal,
            signal,
            timeoutMs: wish.timeoutMs,
          },
        )
      : await client.call(
          {
            method: "POST",
            path: "/api/pandav/accounts",
            body: { kind: kind.kind, text: given, ...(wish.mount && { mount: wish.mount }) },
          },
          loginResult,
        );
  await print(out, `Logged in as ${described(result)}.\n`);
  if (result.mountError) {
    throw new CommandError(
      EXIT.failed,
      `the login is kept, but ${wish.mount?.mountPath} was not mounted: ${result.mountError.message}`,
      refusedAs(result.mountError),
    );
  }
}

async function findKind(client: Client, name: string): Promise<KindReply> {
  const kinds = await client.call({ method: "GET", path: "/api/pandav/account-kinds" }, z.array(accountKind));
  const found = kinds.find(({ kind }) => kind === name);
  if (found) return found;
  const known = kinds.map(({ kind }) => kind).join(", ") || "none";
  throw new UsageError(`--kind: there is no kind of account "${name}": there are ${known}`);
}

/** The pasted text or session file, where one was given. */
async function readText(o: Options, stdin: ProgramOptions["terminal"]["stdin"]): Promise<string | undefined> {
  if (o.stdin) {
    const given = (await text(stdin)).trim();
    if (given === "") throw new UsageError("--stdin: standard input is empty: give a cookie or a token");
    return given;
  }
  if (o.import === undefined) return undefined;
  try {
    return await readFile(o.import, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const exitCode = code === "ENOENT" ? EXIT.notFound : EXIT.failed;
    throw new CommandError(
      exitCode,
      `cannot read '${o.import}': ${code === "ENOENT" ? "No such file or directory" : message}`,
    );
  }
}

function flowOf({ title, flows }: KindReply, o: Options): { flow: string; input: Record<string, string> } {
  const [id, value] =
    o.cookie !== undefined ? ["cookie", o.cookie] : o.token !== undefined ? ["token", o.token] : [o.flow, undefined];
  const flow = id === undefined ? flows[0] : flows.find((one) => one.id === id);
  if (!flow) {
    const known = flows.map((one) => one.id).join(", ") || "none";
    throw new UsageError(`${title} has no way to log in ${id === undefined ? "here" : `by "${id}"`}: it has ${known}`);
  }
  return { flow: flow.id, input: value === undefined ? {} : inputOf(flow.fields, value) };
}

/** Somebody who is logged in, and whom the service still knows. */
async function findLogin(client: Client, kind: string): Promise<AccountReply | undefined> {
  const all = await client.call({ method: "GET", path: "/api/pandav/accounts" }, z.array(account));
  for (const one of all.filter((each) => each.kind === kind && !each.loginRequired)) {
    const checked = await client.call({ method: "POST", path: `/api/pandav/accounts/${one.id}/check` }, account);
    if (!checked.loginRequired) return checked;
  }
  return undefined;
}

/** The login with the mount that it is to have. */
async function mounted(client: Client, known: AccountReply, { drivers }: KindReply, wish: Wish): Promise<ResultReply> {
  const [first] = known.mounts;
  if (first !== undefined || !wish.mount) return { account: known, ...(first !== undefined && { mountPath: first }) };
  const { mountPath } = wish.mount;
  const [driver] = drivers;
  if (driver === undefined) return { account: known };
  const body = { mountPath, driver, account: known.id };
  await client.call({ method: "POST", path: "/api/pandav/storages", body }, z.unknown());
  await client.call({ method: "POST", path: "/api/pandav/mounts/use", body: { mountPath } }, z.unknown());
  return { account: known, mountPath };
}

function described({ account: { name, kind }, mountPath }: ResultReply): string {
  return oneLine(`${name} (${kind})${mountPath === undefined ? "" : `, mounted at ${mountPath}`}`);
}
