/** `pandav storage`: what is mounted where. */
import type { Writable } from "node:stream";
import { z } from "zod";
import { UsageError } from "../config.ts";
import type { Client } from "./client.ts";
import { CommandError, EXIT } from "./report.ts";
import { oneLine, print } from "./terminal.ts";
import { type StorageReply, storage } from "./wire.ts";

const storages = z.array(storage);

export async function listStorages(client: Client, json: boolean, out: Writable): Promise<void> {
  const all = await client.call({ method: "GET", path: "/api/pandav/storages" }, storages);
  if (json) return print(out, all.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const rows = all.map((one) => [
    one.mountPath,
    one.driver,
    one.error ? `${one.state}: ${one.error}` : one.state,
    one.remark,
  ]);
  await print(out, table([["MOUNT PATH", "DRIVER", "STATE", "REMARK"], ...rows]));
}

export interface AddOptions {
  readonly set: readonly string[];
  readonly remark?: string;
}

export async function addStorage(client: Client, mountPath: string, driver: string, o: AddOptions): Promise<void> {
  const settings = Object.fromEntries(o.set.map(parseSetting));
  const body = { mountPath, driver, settings, ...(o.remark !== undefined && { remark: o.remark }) };
  await client.call({ method: "POST", path: "/api/pandav/storages", body }, z.unknown());
}

export type StorageAction = "remove" | "enable" | "disable";

/** AList's word for each (alist-api.md §12.1). */
const ROUTES: Record<StorageAction, string> = { remove: "delete", enable: "enable", disable: "disable" };

export async function changeStorage(client: Client, action: StorageAction, mountPath: string): Promise<void> {
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

function parseSetting(text: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  throw new UsageError(`--set needs key=value, such as root=/srv/files, and not "${text}"`);
}

function table(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(oneLine));
  const widths = (clean[0] ?? []).map((_, column) => Math.max(...clean.map((row) => row[column]?.length ?? 0)));
  return clean
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
