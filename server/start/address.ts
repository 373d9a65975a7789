/** Where the server listens: in words for people, and beside the data for other processes. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { StorageError } from "#drivers/contract/errors.ts";
import type { Config } from "../config.ts";

/** The origin under which this machine reaches a listening server; any-address means itself. */
export function originOf({ address, family, port }: AddressInfo, scheme: "http" | "https" = "http"): string {
  if (family === "IPv6") return `${scheme}://[${address === "::" ? "::1" : address}]:${port}`;
  return `${scheme}://${address === "0.0.0.0" ? "127.0.0.1" : address}:${port}`;
}

/** What kept us from listening, as one line with a remedy; kind `invalid-config`. */
export function explainListen(error: unknown, { host, port }: Pick<Config, "host" | "port">): unknown {
  const { code } = error as { code?: string };
  const say = (text: string) => new StorageError("invalid-config", text, { cause: error });
  if (code === "EADDRINUSE") return say(`port ${port} of ${host} is in use: choose another with --port`);
  if (code === "EACCES") return say(`port ${port} needs the system's privileges: choose one above 1023 with --port`);
  if (code === "EADDRNOTAVAIL") return say(`${host} is not an address of this machine: choose another with --host`);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return say(`${host} is not known: choose an address with --host`);
  return error;
}

const served = z.object({ pid: z.int(), url: z.string() });

/** Tells other processes where the holder of the folder's lock serves. */
export function writeAddress(dataDir: string, url: string): void {
  writeFileSync(addressFile(dataDir), `${JSON.stringify({ pid: process.pid, url })}\n`, { mode: 0o600 });
}

export function removeAddress(dataDir: string): void {
  rmSync(addressFile(dataDir), { force: true });
}

/** Where process `pid` serves the folder; undefined when it does not, or not yet. */
export function readAddress(dataDir: string, pid: number | undefined): string | undefined {
  try {
    const found = served.parse(JSON.parse(readFileSync(addressFile(dataDir), "utf8")));
    return found.pid === pid ? found.url : undefined;
  } catch {
    return undefined; // only a hint for people
  }
}

function addressFile(dataDir: string): string {
  return join(dataDir, "server.json");
}
