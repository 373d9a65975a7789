/** `pandav serve`: the server itself. */
import type { Command } from "commander";
import { type Flags, readConfig } from "../config.ts";
import type { Definer } from "./definer.ts";

/** Adds `serve`. */
export function addServe(define: Definer): void {
  const { serve, env } = define.options;
  define
    .verb("serve", "Serve WebDAV and the API until stopped.")
    .option(
      "--host <address>",
      "address to listen on (PANDAV_HOST; default 127.0.0.1; 0.0.0.0 opens it to other machines)",
    )
    .option("--port <number>", "port to listen on (PANDAV_PORT; default 5244; 0 takes any free one)")
    .option("--base-path <path>", "path that stands before every other, such as /pandav (PANDAV_BASE_PATH)")
    .option(
      "--frontend <folder>",
      "serve the built front end in this folder, such as OpenList's, at the root (PANDAV_FRONTEND)",
    )
    .option("--tls-cert <file>", "speak HTTPS with this certificate and its chain, PEM (PANDAV_TLS_CERT)")
    .option("--tls-key <file>", "the certificate's key, PEM (PANDAV_TLS_KEY); both are read anew when they change")
    .action(async (_options, command: Command) => {
      define.exitWith(await serve(readConfig(command.optsWithGlobals<Flags>(), env)));
    });
}
