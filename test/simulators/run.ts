/** `node test/simulators/run.ts sjtu-pan …`: a simulator for clients that are not part of these tests. */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { addSampleFiles } from "./sjtu-pan/sample-files.ts";
import { type StartOptions, startSjtuPan } from "./sjtu-pan/start.ts";

const USAGE = `usage: run.ts sjtu-pan (--https PORT --cert FILE --key FILE | --http PORT) [--address IP] [--seed-out FILE] [--sample] [--scan] [--verbose]
  --https PORT     HTTPS for all host names at one port (443 for clients that know no other), told apart by the Host header
  --http PORT      plain HTTP, one port for each host; 0: any that are free
  --seed-out FILE  writes library, space, tokens and cookie of the account
  --sample         fills the disk with files
  --scan           is the phone too: confirms each code shortly after it was handed out
  --verbose        prints each request`;

await main(process.argv.slice(2));

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      https: { type: "string" },
      http: { type: "string" },
      cert: { type: "string" },
      key: { type: "string" },
      address: { type: "string" },
      "seed-out": { type: "string" },
      sample: { type: "boolean" },
      scan: { type: "boolean" },
      verbose: { type: "boolean" },
    },
  });
  const options = listenerOf(values);
  if (positionals.length !== 1 || positionals[0] !== "sjtu-pan" || !options) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  // Clients exist that put the id into a query as it is (sjtu-pan.md §4.3).
  const knobs = { plainUploadIds: true };
  const pan = await startSjtuPan({
    ...options,
    knobs,
    ...(values.address !== undefined && { address: values.address }),
  });
  if (values.sample) addSampleFiles(pan.files);
  const seed = { ...pan.credentials(), origins: pan.origins, upstreams: pan.upstreams };
  const file = values["seed-out"];
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(seed, null, 2)}\n`, { mode: 0o600 });
  console.log(JSON.stringify({ listening: true, origins: pan.origins }));
  const stopWatching = watch(pan, { verbose: values.verbose === true, scan: values.scan === true });
  const stop = () => {
    stopWatching();
    void pan.close().then(() => {
      console.log(JSON.stringify({ counts: pan.log.counts(), violations: pan.violations }));
    });
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

/** Prints violations as they come, and with `verbose` each request; with `scan` it is the phone. */
function watch(
  pan: Awaited<ReturnType<typeof startSjtuPan>>,
  { verbose, scan }: { readonly verbose: boolean; readonly scan: boolean },
): () => void {
  let requests = 0;
  let violations = 0;
  const look = setInterval(() => {
    for (; requests < pan.log.entries.length; requests++) {
      const { method, path, query, route, status } = pan.log.entries[requests]!;
      if (verbose) console.log(`${status} ${route} ${method} ${path}${query === "" ? "" : `?${query}`}`);
    }
    for (; violations < pan.violations.length; violations++) {
      console.log(JSON.stringify({ violation: pan.violations[violations] }));
    }
    for (const { uuid, confirmedBy } of scan ? pan.qr.sessions.values() : []) {
      const code = pan.qr.lastCode(uuid);
      if (code && !confirmedBy) pan.qr.scan(uuid, code.sig, code.ts);
    }
  }, 200);
  return () => clearInterval(look);
}

function listenerOf(values: { https?: string; http?: string; cert?: string; key?: string }): StartOptions | undefined {
  if (values.https !== undefined && values.cert !== undefined && values.key !== undefined) {
    const [cert, key] = [readFileSync(values.cert, "utf8"), readFileSync(values.key, "utf8")];
    return { https: { port: Number(values.https), cert, key } };
  }
  return values.http === undefined ? undefined : { port: Number(values.http) };
}
