/** `pandav cat`: the bytes of a file. */
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Client } from "./client.ts";
import { CommandError, EXIT, Interrupted } from "./report.ts";
import { isClosedPipe } from "./terminal.ts";

/** Copies a file to `out`, which stays open. Throws where the bytes end early. */
export async function cat(client: Client, path: string, out: Writable): Promise<void> {
  const body = await client.read({ method: "GET", path: "/api/pandav/fs/read", query: { path } });
  // A body that is destroyed by its reader's end must not look like one that broke off upstream.
  let gone: Error | undefined;
  const onError = (error: Error) => {
    gone = error;
  };
  out.once("error", onError);
  try {
    await pipeline(body, out, { end: false });
  } catch (error) {
    if (error instanceof Interrupted || isClosedPipe(gone ?? error)) throw gone ?? error;
    throw new CommandError(
      EXIT.failed,
      `${path}: the file broke off: ${gone?.message ?? (error as Error).message}`,
      error,
    );
  } finally {
    out.off("error", onError);
  }
}
