/** Routes whose bodies are files: answered on the raw Node request, since bytes never pass through Hono. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { z } from "@hono/zod-openapi";
import type { Rights } from "../auth/permissions.ts";
import type { User } from "../auth/users.ts";
import { endReply } from "../http/body.ts";
import { addressOf } from "../http/client.ts";
import { closeSignal } from "../http/send.ts";
import type { Vfs } from "../vfs/api.ts";
import { withOwnLocks } from "../vfs/locks/own-locks.ts";
import { permitted } from "../vfs/permitted.ts";
import type { ApiDeps } from "./deps.ts";
import { ApiError, type Envelope, JSON_TYPE } from "./envelope.ts";
import { type Failure, toFailure, withKindInside } from "./failures.ts";
import { parsed } from "./input.ts";
import { folderPasswordIn } from "./user-path.ts";

/** Never rejects. `owner`: the request came through the control socket. */
export type RawHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  o: { readonly owner: boolean },
) => Promise<void>;

/** A request of somebody who has proved who he is. */
export interface RawCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly user: User;
  /** What he may do, and the filesystem as he may use it. */
  readonly rights: Rights;
  readonly vfs: Vfs;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
}

/**
 * A handler of requests by these methods. What `run` throws is answered in AList's envelope, with the status that it means, or in the `wire` of AList with 200
 * and AList's words (alist-api.md §2, §3); where an answer has begun, the connection ends.
 */
export function rawHandler(
  { auth, vfs, log }: Pick<ApiDeps, "auth" | "vfs" | "log">,
  methods: Readonly<Record<string, (call: RawCall) => Promise<void>>>,
  { wire = "pandav" }: { readonly wire?: "alist" | "pandav" } = {},
): RawHandler {
  return async (request, response, { owner }) => {
    const signal = closeSignal(response);
    try {
      const run = methods[request.method ?? ""];
      if (!run) throw new ApiError(405, `only ${Object.keys(methods).join(", ")} are answered here`);
      const { authenticator } = auth;
      const { user } = owner ? await authenticator.owner() : await authenticator.token(request.headers.authorization);
      const folderPassword = folderPasswordIn(request.headers.password);
      const address = addressOf(request);
      const rights = auth.permissions.of(user, { front: "api", address, ...(folderPassword && { folderPassword }) });
      await run({ request, response, user, rights, vfs: withOwnLocks(permitted(vfs, rights), user.id), signal });
    } catch (error) {
      const failure = loggedFailure(error, request, log, { phrases: wire === "alist" });
      if (response.headersSent || response.destroyed) response.destroy();
      else if (wire === "alist") refuse(request, response, { ...failure, status: 200 }, failure.envelope);
      else refuse(request, response, failure, withKindInside(failure.envelope));
    }
  };
}

/** How a failure is answered; it is in the log where its owner must know of it. */
export function loggedFailure(
  error: unknown,
  { method }: IncomingMessage,
  log: ApiDeps["log"],
  { phrases = false } = {},
): Failure {
  const failure = toFailure(error, { phrases });
  if (failure.level === "error" || failure.level === "warn") log.warn({ err: error, method }, "a transfer failed");
  return failure;
}

/** The query of a request by its schema. Throws ApiError 400. */
export function readQuery<S extends z.ZodType>(request: IncomingMessage, schema: S): z.output<S> {
  const { searchParams } = new URL(request.url ?? "", "http://localhost");
  return parsed(schema, Object.fromEntries(searchParams));
}

function refuse(request: IncomingMessage, response: ServerResponse, failure: Failure, envelope: Envelope): void {
  const retryAfter = failure.retryAfter === undefined ? [] : ["Retry-After", String(failure.retryAfter)];
  const body = JSON.stringify(envelope);
  endReply(request, response, failure.status, ["Content-Type", JSON_TYPE, ...retryAfter], body);
}
