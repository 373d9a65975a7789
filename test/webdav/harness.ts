/** A front on a loopback socket, raw requests to it, and its answers taken apart. */

import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import sax from "sax";
import { onTestFinished } from "vitest";
import { createAttempts } from "#server/auth/attempts.ts";
import { AuthError } from "#server/auth/auth-error.ts";
import { NO_METAS } from "#server/auth/metas.ts";
import { createPermissions } from "#server/auth/permissions.ts";
import type { User } from "#server/auth/users.ts";
import { createHttpServer } from "#server/http/server.ts";
import { systemClock } from "#server/upstream/clock.ts";
import type { Vfs } from "#server/vfs/api.ts";
import { createWebdav } from "#server/webdav/handler.ts";
import type { TransferTasks } from "#server/webdav/long-transfer.ts";
import { isWebdavRequest } from "#server/webdav/requests.ts";

export const ADMIN: User = {
  id: 1,
  name: "admin",
  role: "admin",
  basePath: "/",
  permission: 0xffff,
  disabled: false,
  passwordChangedAt: 0,
};

/** `admin` with password `secret`. */
export const AUTHORIZATION = `Basic ${Buffer.from("admin:secret").toString("base64")}`;

export interface Reply {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly text: string;
  /** False when the connection ended inside the body. */
  readonly whole: boolean;
}

export interface Front {
  readonly port: number;
  /** Lines that the front logged: level and message. */
  readonly logged: string[];
  /** One request with admin's credentials; `path` goes out as it is. */
  ask(method: string, path: string, headers?: Readonly<Record<string, string>>, body?: string | Buffer): Promise<Reply>;
  /** The bytes as they are, and the reply to them. */
  raw(bytes: string | Buffer): Promise<Reply>;
}

export interface FrontOptions {
  readonly user?: User;
  readonly prefix?: string;
  readonly publicHosts?: readonly string[];
  readonly tasks?: TransferTasks;
  readonly signEveryMs?: number;
}

/** A running front over a vfs, closed when the test ends. */
export async function startFront(
  vfs: Vfs,
  { user = ADMIN, prefix = "/dav", publicHosts, tasks, signEveryMs }: FrontOptions = {},
): Promise<Front> {
  const logged: string[] = [];
  const write = (level: string) => (_fields: unknown, message: string) => void logged.push(`${level} ${message}`);
  const handle = createWebdav({
    vfs,
    prefix,
    ...(publicHosts && { publicHosts }),
    ...(tasks && { tasks }),
    ...(signEveryMs !== undefined && { signEveryMs }),
    permissions: createPermissions(NO_METAS, createAttempts(systemClock)),
    authenticate: async (header) => {
      if (header !== AUTHORIZATION) throw new AuthError(401, "username or password is incorrect");
      return { user };
    },
    log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
  });
  const http = createHttpServer({
    handlers: [{ matches: (request) => isWebdavRequest(request, prefix), handle }],
    fallback: (_request, response) => response.writeHead(418).end(),
    onError: (error) => void logged.push(`bug ${String(error)}`),
  });
  const { port } = (await http.listen({ port: 0, host: "127.0.0.1" })) as AddressInfo;
  onTestFinished(() => http.close(AbortSignal.abort()));
  const raw = (bytes: string | Buffer) => exchange(port, bytes);
  return {
    port,
    logged,
    raw,
    ask(method, path, headers = {}, body) {
      const lines = { Host: `127.0.0.1:${port}`, Authorization: AUTHORIZATION, Connection: "close", ...headers };
      const length =
        body === undefined || "Transfer-Encoding" in headers
          ? {}
          : { "Content-Length": String(Buffer.byteLength(body)) };
      const head = Object.entries({ ...length, ...lines }).map(([name, value]) => `${name}: ${value}\r\n`);
      const text = `${method} ${path} HTTP/1.1\r\n${head.join("")}\r\n`;
      return raw(Buffer.concat([Buffer.from(text, "utf8"), Buffer.from(body ?? "")]));
    },
  };
}

/** A body in chunks of `size` bytes (RFC 9112 §7.1). */
export function chunked(body: string | Buffer, size = 1000): Buffer {
  const bytes = Buffer.from(body);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n"));
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
}

/** One propstat-carrying response of a multistatus. */
export interface DavResponse {
  readonly href: string;
  /** By status line: property (`{namespace}name`) to its text. */
  readonly propstats: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A multistatus read by an XML parser; throws when it is not well-formed. */
export function readMultistatus(text: string): DavResponse[] {
  const responses: { href: string; propstats: Record<string, Record<string, string>> }[] = [];
  const path: string[] = [];
  let properties: Record<string, string> = {};
  const parser = sax.parser(true, { xmlns: true });
  parser.onerror = (error) => {
    throw error;
  };
  parser.onopentag = (tag) => {
    const { uri, local } = tag as sax.QualifiedTag;
    const name = `{${uri}}${local}`;
    path.push(name);
    if (name === "{DAV:}response") responses.push({ href: "", propstats: {} });
    if (name === "{DAV:}propstat") properties = {};
    if (path.at(-2) === "{DAV:}prop") properties[name] = "";
    else if (path.includes("{DAV:}prop") && name !== "{DAV:}prop")
      properties[path[path.indexOf("{DAV:}prop") + 1]!] += `<${local}>`;
  };
  parser.ontext = (value) => {
    const inProp = path.indexOf("{DAV:}prop");
    if (inProp >= 0 && path.length > inProp + 1) properties[path[inProp + 1]!] += value;
    else if (path.at(-1) === "{DAV:}href") responses.at(-1)!.href += value;
    else if (path.at(-1) === "{DAV:}status") responses.at(-1)!.propstats[value] = properties;
  };
  parser.onclosetag = () => void path.pop();
  parser.write(text).close();
  return responses;
}

export const OK = "HTTP/1.1 200 OK";
export const MISSING = "HTTP/1.1 404 Not Found";

/** Sends the bytes on a connection of their own, and resolves to the reply when the server has closed it. */
export async function exchange(port: number, bytes: string | Buffer): Promise<Reply> {
  const received = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, "127.0.0.1");
    const timer = setTimeout(() => socket.destroy(new Error("no reply within 5 s")), 5000);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", (error) => {
      if (chunks.length === 0) reject(error);
    });
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
    socket.write(bytes);
  });
  return takeApart(received);
}

/** The last reply in what a server sent; interim ones (1xx) before it are in `interim`. */
function takeApart(received: Buffer): Reply {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return { status: 0, headers: {}, body: Buffer.alloc(0), text: "", whole: false };
  const [first, ...lines] = received.subarray(0, end).toString("latin1").split("\r\n");
  const status = Number(first!.split(" ")[1]);
  if (status < 200) {
    const reply = takeApart(received.subarray(end + 4));
    return { ...reply, headers: { ...reply.headers, interim: String(status) } };
  }
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const rest = received.subarray(end + 4);
  const { body, whole } =
    headers["transfer-encoding"] === "chunked" ? unchunk(rest) : plain(rest, headers["content-length"]);
  return { status, headers, body, text: body.toString("utf8"), whole };
}

function plain(rest: Buffer, length: string | undefined): { body: Buffer; whole: boolean } {
  return { body: rest, whole: length === undefined || rest.length >= Number(length) };
}

function unchunk(rest: Buffer): { body: Buffer; whole: boolean } {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = rest.indexOf("\r\n", at);
    if (line < 0) return { body: Buffer.concat(parts), whole: false };
    const size = Number.parseInt(rest.subarray(at, line).toString("latin1"), 16);
    if (size === 0) return { body: Buffer.concat(parts), whole: true };
    parts.push(rest.subarray(line + 2, line + 2 + size));
    if (line + 2 + size > rest.length) return { body: Buffer.concat(parts), whole: false };
    at = line + 4 + size;
  }
}
