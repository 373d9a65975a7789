/** Requests as other programs send them, made with curl. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findTool } from "#test/support/tools.ts";
import { runProgram } from "./run-program.ts";

export interface CurlReply {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface CurlRequest {
  readonly method: string;
  readonly url: string;
  /** As they are sent, in their order; a name may come twice. */
  readonly headers?: readonly string[];
  readonly body?: string | undefined;
  /** `user:password`; absent: none are sent. */
  readonly login?: string | undefined;
  /** Sends the body in chunks, without a length. */
  readonly chunked?: boolean;
}

/** One request; its files lie in `folder`. A redirect is not followed. */
export async function curl(folder: string, request: CurlRequest): Promise<CurlReply> {
  const { method, url, headers = [], body, login, chunked = false } = request;
  const [heads, answer, sent] = ["heads", "answer", "sent"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(answer, "");
  // Nothing that a program did not send itself: curl would name a form's type.
  const args = [
    "--silent",
    "--show-error",
    "--path-as-is",
    "--max-time",
    "20",
    "--dump-header",
    heads,
    "--output",
    answer,
  ];
  args.push(
    ...(method === "HEAD" ? ["--head"] : ["--request", method]),
    "--header",
    "Content-Type:",
    "--header",
    "Accept: */*",
  );
  for (const header of headers) args.push("--header", header);
  if (chunked) args.push("--header", "Transfer-Encoding: chunked");
  if (login !== undefined) args.push("--user", login);
  if (body !== undefined) {
    writeFileSync(sent, body);
    args.push("--data-binary", `@${sent}`);
  }
  const run = await runProgram(findTool("curl") ?? "curl", [...args, url], { withinMs: 30_000 });
  if (run.code !== 0) throw new Error(`curl ${method} ${url} ended with ${run.code}: ${run.stderr}`);
  return { ...parseHead(readFileSync(heads, "latin1")), body: readFileSync(answer, "utf8") };
}

/** The last head: one of 100 may come before it. */
function parseHead(text: string): Pick<CurlReply, "status" | "headers"> {
  const [line = "", ...fields] = text.trimEnd().split("\r\n\r\n").at(-1)!.split("\r\n");
  const headers = fields.map((field) => {
    const colon = field.indexOf(":");
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
  });
  return { status: Number(line.split(" ")[1]), headers: Object.fromEntries(headers) };
}
