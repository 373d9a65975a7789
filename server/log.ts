/** The log: JSON lines on stderr, without secrets, with the id of the request that they belong to. */
import pino, { type DestinationStream, type Logger } from "pino";
import { redacted } from "./redacted.ts";
import { currentRequest } from "./request-context.ts";

export type { Logger } from "pino";

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

export interface LoggerOptions {
  /** `PANDAV_LOG`: a level of pino's; default `info`. Anything else is taken as `info`. */
  readonly level?: string | undefined;
  /** Where lines go. Default: stderr, so that stdout stays free for what a command prints. */
  readonly destination?: DestinationStream;
}

/**
 * A logger without worker threads. Lines are written at once: what a crash cuts off is then nothing, and stderr is quick.
 * Values whose key names a secret are masked at any depth, addresses lose their users and queries, errors are shown with their causes.
 */
export function createLogger({
  level,
  destination = pino.destination({ fd: 2, sync: true }),
}: LoggerOptions = {}): Logger {
  return pino(
    {
      level: level !== undefined && LEVELS.includes(level) ? level : "info",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // Ours instead of pino's `err`: it must see every key of every cause.
      serializers: { err: (error: unknown) => error },
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redacted(fields) as Record<string, unknown>,
      },
      hooks: {
        logMethod(args, method) {
          // Pino would take the message of a bare error as it is.
          const [first, ...rest] = args as unknown[];
          const all = first instanceof Error && rest.length === 0 ? [first, first.message] : [first, ...rest];
          method.apply(this, all.map((one) => (typeof one === "string" ? redacted(one) : one)) as typeof args);
        },
      },
      mixin() {
        const request = currentRequest();
        return request ? { requestId: request.requestId } : {};
      },
    },
    destination,
  );
}
