/** `pandav stat`: what is known of a file or directory. */
import type { Writable } from "node:stream";
import type { Client } from "./client.ts";
import { oneLine, print } from "./terminal.ts";
import { resource, type StatReply } from "./wire.ts";

/** The file or directory at a path. Throws Refused. */
export function statPath(client: Client, path: string): Promise<StatReply> {
  return client.call({ method: "GET", path: "/api/pandav/fs/stat", query: { path } }, resource);
}

export async function stat(client: Client, path: string, json: boolean, out: Writable): Promise<void> {
  const found = await statPath(client, path);
  await print(out, json ? `${JSON.stringify(found)}\n` : describe(found));
}

function describe(found: StatReply): string {
  const size = found.size === undefined ? "unknown" : `${found.sizeIs === "about" ? "about " : ""}${found.size} bytes`;
  const lines: [string, string][] = [
    ["Path", found.path],
    ["Kind", found.kind],
    ...(found.kind === "file" ? ([["Size", size]] as [string, string][]) : []),
    ["Modified", time(found.modifiedAt)],
    ...(found.createdAt === undefined ? [] : ([["Created", time(found.createdAt)]] as [string, string][])),
    ...Object.entries(found.hashes ?? {}).map(([name, value]): [string, string] => [name.toUpperCase(), value]),
    ...(found.mountPath === undefined ? [] : ([["Storage", found.mountPath]] as [string, string][])),
  ];
  return lines.map(([name, value]) => `${`${name}:`.padEnd(10)}${oneLine(value)}\n`).join("");
}

function time(ms: number | undefined): string {
  return ms === undefined ? "unknown" : new Date(ms).toISOString();
}
