/** What every link to a file has in common: GET and HEAD alone, a deadline that is the client's leaving, and failures with a status of their own. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "#drivers/contract/driver.ts";
import { HttpError } from "../http/errors.ts";
import { closeSignal } from "../http/send.ts";
import { onChangedAgain } from "../vfs/reading.ts";
import { answerFailure } from "./failure.ts";

export type LinkHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** A handler that answers by `answer`. Never rejects; failures have a real status, and AList's envelope as their body. */
export function linkHandler(
  log: Log,
  answer: (request: IncomingMessage, response: ServerResponse, signal: AbortSignal) => Promise<void>,
): LinkHandler {
  return async (request, response) => {
    try {
      if (request.method !== "GET" && request.method !== "HEAD") {
        throw new HttpError(405, "only GET and HEAD are answered here", { headers: ["Allow", "GET, HEAD"] });
      }
      const signal = closeSignal(response);
      await onChangedAgain(() => answer(request, response, signal));
    } catch (error) {
      answerFailure(request, response, error, log);
    }
  };
}
