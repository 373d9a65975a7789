/** The binary `pandav`, behind the launcher: one command line from the process's arguments to its exit code. */
import { runProgram } from "./cli/program.ts";
import { Interrupted } from "./cli/report.ts";
import { isClosedPipe } from "./cli/terminal.ts";
import { reachServer } from "./start/reach.ts";
import { onStopSignals } from "./start/stop-signals.ts";
import { randomText } from "./store/random-text.ts";
import { readVersion } from "./version.ts";

/** 119 bits. */
const PASSWORD_LENGTH = 20;

const interruption = new AbortController();
const stopListening = onStopSignals(
  () => interruption.abort(new Interrupted()),
  () => process.exit(130),
);

// A reader that has left is met where we write next; without a listener it would end the process with a stack trace.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error) => {
    if (!isClosedPipe(error)) process.exit(1);
  });
}

const exitCode = await runProgram(process.argv.slice(2), {
  terminal: process,
  env: process.env,
  version: readVersion(),
  signal: interruption.signal,
  makePassword: () => randomText(PASSWORD_LENGTH),
  serve: async (config) => {
    const { serve } = await import("./start/serve.ts");
    stopListening();
    if (interruption.signal.aborted) return 0;
    return serve(config, process.stdout);
  },
  restore: async (config, file, passphrase) => {
    const { restore } = await import("./start/restore.ts");
    return restore(config, file, passphrase);
  },
  reach: (config, mayCreate) => (signal) =>
    reachServer({
      dataDir: config.dataDir,
      mayCreate,
      // A command beside a running server needs nothing of the server's own code.
      openHere: async (lock) => {
        const { openOwnServer } = await import("./start/own-server.ts");
        return openOwnServer(config, lock, process.stderr, signal);
      },
      signal,
    }),
});
// What is left in the buffer of a slow pipe goes out first; nothing else is waited for.
process.stdout.write("", () => process.exit(exitCode));
