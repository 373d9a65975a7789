/** `GET /metrics`, for administrators and their tokens. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { AuthError } from "../auth/auth-error.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import { demandAdmin } from "../auth/permissions.ts";
import { endReply } from "../http/body.ts";
import { errorReply } from "../http/errors.ts";
import type { Metrics } from "./metrics.ts";

/** Where it is. */
export const METRICS_PATH = "/metrics";

const TEXT = ["Content-Type", "text/plain; charset=utf-8"];

/** Answers a scrape: `Authorization: Bearer` with the token of an administrator (scope `admin`), or his session. Never rejects. */
export function createMetricsHandler(
  metrics: Pick<Metrics, "text">,
  authenticator: Pick<Authenticator, "token" | "owner">,
) {
  return async (request: IncomingMessage, response: ServerResponse, { owner }: { readonly owner: boolean }) => {
    try {
      const { user } = owner ? await authenticator.owner() : await authenticator.token(request.headers.authorization);
      demandAdmin(user);
      if (request.method !== "GET" && request.method !== "HEAD") {
        return endReply(request, response, 405, [...TEXT, "Allow", "GET, HEAD"], "only GET is answered here\n");
      }
      const text = await metrics.text();
      const type = ["Content-Type", "text/plain; version=0.0.4; charset=utf-8", "Cache-Control", "no-store"];
      endReply(request, response, 200, type, text);
    } catch (error) {
      const { status, message } =
        error instanceof AuthError ? { status: error.code, message: error.message } : errorReply(error);
      const challenge = status === 401 ? ["WWW-Authenticate", 'Bearer realm="Pandav"'] : [];
      endReply(request, response, status, [...TEXT, ...challenge], `${message}\n`);
    }
  };
}
