/** The bytes of files, from the server to wherever they go. */
import type { IncomingMessage } from "node:http";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Client } from "./client.ts";
import { CommandError, EXIT, Interrupted } from "./report.ts";
import { isClosedPipe } from "./terminal.ts";

export interface ContentOptions {
  /** Of HTTP: `0-99`, `100-`, or `-100` for the end. */
  readonly range?: string | undefined;
  /** Refused `precondition-failed` where the file is another one by now. */
  readonly etag?: string | undefined;
}

/** The bytes of a file, or exactly those of a range. Throws Refused; CommandError where the storage cannot give a range. */
export async function readContent(client: Client, path: string, o: ContentOptions = {}): Promise<IncomingMessage> {
  const body = await client.read({
    method: "GET",
    path: "/api/pandav/fs/content",
    query: { path },
    headers: {
      ...(o.range !== undefined && { range: `bytes=${o.range}` }),
      ...(o.etag !== undefined && { "if-match": o.etag }),
    },
  });
  // An empty file has no ranges (RFC 9110 §14.4), and all of it is what was asked for.
  if (o.range === undefined || body.statusCode === 206 || body.headers["content-length"] === "0") return body;
  body.destroy();
  throw new CommandError(
    EXIT.failed,
    `the storage does not tell the exact size of ${path}: only the whole can be read`,
  );
}

/** Copies a body to a stream that stays open. Throws CommandError where the bytes end early, and what the stream failed with. */
export async function copyContent(body: IncomingMessage, out: Writable, subject: string): Promise<void> {
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
    const why = gone?.message ?? (error as Error).message;
    throw new CommandError(EXIT.failed, `${subject}: the file broke off: ${why}`, error);
  } finally {
    out.off("error", onError);
  }
}
