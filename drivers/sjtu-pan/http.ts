/** One request to the university's hosts. */
import type { Method } from "got";
import type { CookieJar } from "tough-cookie";
import type { DriverEnv } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { CallOptions } from "../contract/mount.ts";

export interface HttpRequest {
  readonly method: Method;
  readonly url: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly cookieJar?: CookieJar;
  /** Default `application/json`; a web page where it is another is no block page then. */
  readonly accept?: string;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Codes of a connection that was never made. */
const NO_CONNECTION = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/;

/** Steps of a request in which got gives up before anything was sent. */
const CONNECTING: readonly unknown[] = ["lookup", "connect", "secureConnect"];

/** The answer whatever its status, redirects not followed. Throws `unavailable`, reason `campus-network`, where there is no connection. */
export async function send(
  env: Pick<DriverEnv, "api">,
  request: HttpRequest,
  { signal, priority }: CallOptions,
): Promise<HttpReply> {
  signal.throwIfAborted();
  try {
    const reply = await env.api(request.url, {
      method: request.method,
      headers: { accept: request.accept ?? "application/json" },
      ...(request.json !== undefined && { json: request.json }),
      ...(request.cookieJar && { cookieJar: request.cookieJar }),
      responseType: "text",
      throwHttpErrors: false,
      followRedirect: false,
      signal,
      context: { ...(priority && { priority }) },
    });
    return { status: reply.statusCode, headers: reply.headers, text: reply.body };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw explainConnection(error);
  }
}

/** The failure itself, or where no connection was made, one that says what it most often means (sjtu-pan.md §1.1, P-34). */
export function explainConnection(error: unknown): unknown {
  const { code, event } = connectionOf(error);
  if (!(NO_CONNECTION.test(String(code)) || CONNECTING.includes(event))) return error;
  const why = code === undefined ? "no connection" : String(code);
  return new StorageError("unavailable", `SJTU Pan cannot be reached (${why}): campus network or VPN?`, {
    reason: "campus-network",
    retryable: true,
    cause: error,
  });
}

function connectionOf(error: unknown): { code?: unknown; event?: unknown } {
  if (!(error instanceof StorageError)) return (error ?? {}) as { code?: unknown };
  if (error.upstream?.status !== undefined) return {};
  return (error.cause ?? {}) as { code?: unknown; event?: unknown };
}
