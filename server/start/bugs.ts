/** What happens when an error was caught by nobody. */
import type { Log } from "#drivers/contract/driver.ts";

/** Error codes of a peer that left or a stream that ended under its user: they belong to one request. */
const OF_ONE_STREAM = /^(ECONNRESET|EPIPE|ECONNABORTED|ETIMEDOUT|ERR_STREAM_|ABORT_ERR|HPE_|UND_ERR_)/;

/**
 * A rejected promise or a stream's error that nobody handled belongs to one request: it is logged as our fault, and the others are served on.
 * Any other exception left some code half way: the process ends with 1, and the next start finds what was durable, as after a power cut.
 */
export function onBugs(log: Log): () => void {
  const onRejection = (error: unknown) => log.warn({ err: error, bug: true }, "a rejected promise that nobody handled");
  const onException = (error: Error & { code?: string }) => {
    log.warn({ err: error, bug: true }, "an exception that nobody handled");
    if (OF_ONE_STREAM.test(error.code ?? "")) return;
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  };
  const stop = () => {
    process.off("unhandledRejection", onRejection);
    process.off("uncaughtException", onException);
  };
  process.on("unhandledRejection", onRejection);
  process.on("uncaughtException", onException);
  return stop;
}
