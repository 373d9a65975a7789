/** Requests and replies as the simulator's parts see them, apart from any socket. */
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { Content } from "./content.ts";
import type { ServiceError, StoreError } from "./errors.ts";

/** Which of the service's hosts a request came to (sjtu-pan.md §1.1). */
export type Role = "pan" | "jaccount" | "my" | "store";

/** The real host of each role; the store's may be another of its family. */
export const HOSTS = {
  pan: "pan.sjtu.edu.cn",
  jaccount: "jaccount.sjtu.edu.cn",
  my: "my.sjtu.edu.cn",
  store: "s3pan.jcloud.sjtu.edu.cn",
} as const satisfies Record<Role, string>;

/** A request whose body has not been read. */
export interface SimRequest {
  readonly method: string;
  readonly role: Role;
  /** As the client wrote it. */
  readonly host: string;
  /** As on the wire. */
  readonly rawPath: string;
  readonly query: Query;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

/** Part of a content as a reply's body. */
export interface Slice {
  readonly content: Content;
  readonly offset: number;
  readonly length: number;
}

export interface SimReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Slice;
}

/** Query parameters in the order of the wire. */
export class Query {
  readonly pairs: readonly (readonly [string, string])[];
  readonly raw: string;

  constructor(raw: string) {
    this.raw = raw;
    this.pairs = raw
      .split("&")
      .filter((part) => part !== "")
      .map((part) => {
        const at = part.indexOf("=");
        return at < 0 ? [decoded(part), ""] : [decoded(part.slice(0, at)), decoded(part.slice(at + 1))];
      });
  }

  /** A flag is there whatever its value (sjtu-pan.md §1.2). */
  has(name: string): boolean {
    return this.pairs.some(([key]) => key === name);
  }

  get(name: string): string | undefined {
    return this.pairs.find(([key]) => key === name)?.[1];
  }

  /** The value of a parameter before decoding. */
  rawValue(name: string): string | undefined {
    return this.raw
      .split("&")
      .find((part) => part.startsWith(`${name}=`))
      ?.slice(name.length + 1);
  }
}

/** A reply of JSON; undefined leaves the body empty. */
export function json(status: number, value?: unknown, headers: SimReply["headers"] = {}): SimReply {
  if (value === undefined) return { status, headers, body: "" };
  return {
    status,
    headers: { "Content-Type": "application/json; charset=utf-8", ...headers },
    body: JSON.stringify(value),
  };
}

/** A page for people. */
export function html(status: number, body: string, headers: SimReply["headers"] = {}): SimReply {
  return {
    status,
    headers: { "Content-Type": "text/html; charset=utf-8", ...headers },
    body: `<!doctype html><html lang="zh"><meta charset="utf-8"><body>${body}</body></html>`,
  };
}

/** A redirect to another address. */
export function redirect(location: string, headers: SimReply["headers"] = {}): SimReply {
  return { status: 302, headers: { Location: location, ...headers }, body: "" };
}

/** The API's error envelope (sjtu-pan.md §1.4). */
export function errorReply(error: ServiceError, requestId: string): SimReply {
  return json(error.status, { status: error.status, code: error.code, message: error.message, requestId });
}

/** The store's error document (sjtu-pan.md §6). */
export function storeErrorReply(error: StoreError, resource: string, requestId: string): SimReply {
  const text = (value: string) => value.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  return {
    status: error.status,
    headers: { "Content-Type": "application/xml" },
    body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${error.code}</Code><Message>${text(error.message)}</Message><Resource>${text(resource)}</Resource><RequestId>${requestId}</RequestId></Error>`,
  };
}

function decoded(text: string): string {
  const spaced = text.replace(/\+/g, " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
