/** `pandav storage`: what is mounted where. */
import type { Writable } from "node:stream";
import { z } from "zod";
import { UsageError } from "../config.ts";
import { findAccount } from "./accounts.ts";
import type { Client } from "./client.ts";
import type { Definer } from "./definer.ts";
import { humanSize } from "./format.ts";
import { mountInUse, mountsOf } from "./paths.ts";
import { CommandError, EXIT } from "./report.ts";
import { table } from "./table.ts";
import { print } from "./terminal.ts";
import { type MountsReply, type StorageReply, storage } from "./wire.ts";

const storages = z.array(storage);

/** Adds `storage`. */
export function addStorage(define: Definer): void {
  const { stdout } = define.options.terminal;
  const storage = define.group("storage", "What is mounted where.");
  storage
    .verb("list", "Show the storages and how they are.")
    .option("--json", "one JSON object per line")
    .action((options, command) =>
      define.withClient(command, (client) => listStorages(client, options.json === true, stdout)),
    );
  storage
    .verb("add <mount-path> <driver>", "Mount a storage.")
    .option(
      "--set <key=value>",
      "a setting of the driver, or write_mode or reply_within (repeatable)",
      (text: string, before: string[]) => [...before, text],
      [],
    )
    .option("--account <id or name>", "the login that the storage uses (default: the only one that fits)")
    .option("--remark <text>", "a note of yours")
    .option(
      "--placeholders <auto|keep|pass>",
      "empty files and file managers' own, written over WebDAV: keep them here until content comes, or pass them on (default: as the driver says)",
    )
    .action((mountPath, driver, options, command) =>
      define.withClient(command, (client) => mountStorage(client, mountPath, driver, options), { mayCreate: true }),
    );
  storage
    .verb("set <mount-path> <key=value...>", "Change settings of a storage: the driver's, write_mode or reply_within.")
    .action((mountPath, settings, _options, command) =>
      define.withClient(command, (client) => setStorage(client, mountPath, settings)),
    );
  const changes: [StorageAction, string][] = [
    ["remove", "Forget a storage; what it holds stays where it is."],
    ["enable", "Mount a disabled storage again."],
    ["disable", "Unmount a storage and keep its settings."],
  ];
  for (const [action, description] of changes) {
    storage
      .verb(`${action} <mount-path>`, description)
      .action((mountPath, _options, command) =>
        define.withClient(command, (client) => changeStorage(client, action, mountPath)),
      );
  }
}

async function listStorages(client: Client, json: boolean, out: Writable): Promise<void> {
  const all = await client.call({ method: "GET", path: "/api/pandav/storages" }, storages);
  const inUse = usedAmong(await mountsOf(client));
  if (json) {
    const marked = all.map((one) => ({ ...one, inUse: one.mountPath === inUse }));
    return print(out, marked.map((one) => `${JSON.stringify(one)}\n`).join(""));
  }
  const rows = all.map((one) => [
    one.mountPath,
    one.driver,
    `${one.error ? `${one.state}: ${one.error}` : one.state}${uploadsOf(one)}`,
    one.mountPath === inUse ? "in use" : "",
    one.remark,
  ]);
  await print(out, table([["MOUNT PATH", "DRIVER", "STATE", "USE", "REMARK"], ...rows]));
}

/** What waits for its upload, in words. */
function uploadsOf({ pending: { files, bytes, failed } }: StorageReply): string {
  if (files === 0) return "";
  const what = `${files} ${files === 1 ? "upload" : "uploads"} (${humanSize(bytes)}) pending`;
  return `, ${what}${failed > 0 ? `, ${failed} failed` : ""}`;
}

/** The mount in use, where one is decided. */
function usedAmong(mounts: MountsReply): string | undefined {
  try {
    return mountInUse(mounts);
  } catch {
    return undefined; // said where it matters: when a bare path is used
  }
}

interface AddOptions {
  readonly set: readonly string[];
  readonly account?: string;
  readonly remark?: string;
  readonly placeholders?: string;
}

async function mountStorage(client: Client, mountPath: string, driver: string, o: AddOptions): Promise<void> {
  const { settings, mount } = parseSettings(o.set);
  const account = o.account === undefined ? undefined : (await findAccount(client, o.account)).id;
  const body = { mountPath, driver, settings, account, remark: o.remark, placeholders: o.placeholders, ...mount };
  await client.call({ method: "POST", path: "/api/pandav/storages", body }, z.unknown());
}

async function setStorage(client: Client, mountPath: string, texts: readonly string[]): Promise<void> {
  const { settings, mount } = parseSettings(texts);
  const { id } = await findStorage(client, mountPath);
  const body = { id, settings, ...mount };
  await client.call({ method: "POST", path: "/api/pandav/storages/set", body }, z.unknown());
}

type StorageAction = "remove" | "enable" | "disable";

/** AList's word for each (alist-api.md §12.1). */
const ROUTES: Record<StorageAction, string> = { remove: "delete", enable: "enable", disable: "disable" };

async function changeStorage(client: Client, action: StorageAction, mountPath: string): Promise<void> {
  const { id } = await findStorage(client, mountPath);
  await client.call({ method: "POST", path: `/api/admin/storage/${ROUTES[action]}`, query: { id } }, z.unknown());
}

async function findStorage(client: Client, mountPath: string): Promise<StorageReply> {
  const wanted = `/${mountPath
    .split("/")
    .filter((name) => name !== "")
    .join("/")}`;
  const all = await client.call({ method: "GET", path: "/api/pandav/storages" }, storages);
  const found = all.find((one) => one.mountPath === wanted);
  if (found) return found;
  throw new CommandError(EXIT.notFound, `${wanted}: no storage is mounted there (pandav storage list shows them)`);
}

/** The driver's settings, and those that every storage has, whatever its driver. */
function parseSettings(texts: readonly string[]) {
  const { write_mode: writeMode, reply_within: within, ...settings } = Object.fromEntries(texts.map(parseSetting));
  const mount = {
    ...(writeMode !== undefined && { writeMode }),
    ...(within !== undefined && { replyWithinMs: parseSeconds(within) }),
  };
  return { settings, mount };
}

function parseSeconds(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(s|min)?$/.exec(text.trim()) ?? [];
  if (number !== undefined) return Math.round(Number(number) * (unit === "min" ? 60_000 : 1000));
  throw new UsageError(`reply_within needs seconds, such as 60 or 5min, and not "${text}"`);
}

function parseSetting(text: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  throw new UsageError(`--set needs key=value, such as root=/srv/files, and not "${text}"`);
}
