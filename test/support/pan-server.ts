/** The real binary with SJTU Pan mounted at `/sjtu`, its service a simulator in this process. */
import { type RunningSjtuPan, type StartOptions, startSjtuPan } from "#test/simulators/sjtu-pan/start.ts";
import { watchPan } from "./canaries.ts";
import { runPandav } from "./pandav.ts";
import { type RunningServer, type ServerOptions, startServer } from "./server.ts";

export interface PanServerOptions {
  readonly simulator?: StartOptions;
  readonly server?: ServerOptions;
  /** Requests a second that the account may make; default: more than any test makes. */
  readonly ratePerSecond?: number;
}

export interface PanServer extends AsyncDisposable {
  readonly pan: RunningSjtuPan;
  readonly server: RunningServer;
  /** Address of the mounted drive over WebDAV, without a trailing slash. */
  readonly dav: string;
  /** The admin's `Authorization` header. */
  readonly authorization: string;
}

/** Logs in with the simulated account's cookie and mounts the drive. Disposal ends both, and fails on a request that the service would not take. */
export async function startPanServer(options: PanServerOptions = {}): Promise<PanServer> {
  const pan = await startSjtuPan(options.simulator);
  watchPan(pan);
  const upstreams = Object.entries(pan.upstreams).map((pair) => pair.join("="));
  const env = { ...options.server?.env, PANDAV_UPSTREAMS: upstreams.join(",") };
  let server: RunningServer | undefined;
  try {
    server = await startServer({ ...options.server, env });
    const authorization = `Basic ${Buffer.from(`${server.user}:${server.password}`).toString("base64")}`;
    await logIn(server, pan);
    await setRate(server, options.ratePerSecond ?? 1000);
    return {
      pan,
      server,
      dav: `${server.url}/dav/sjtu`,
      authorization,
      async [Symbol.asyncDispose]() {
        try {
          await server!.stop();
        } finally {
          await pan.close();
        }
        if (pan.violations.length > 0) throw new Error(`the simulator refused: ${JSON.stringify(pan.violations)}`);
      },
    };
  } catch (error) {
    await server?.stop();
    await pan.close();
    throw error;
  }
}

/** As a user does, beside the running server. */
async function logIn(server: RunningServer, pan: RunningSjtuPan): Promise<void> {
  const { cookie } = pan.credentials();
  const run = await runPandav(["auth", "--stdin", "--data", server.dataDir], { stdin: `JAAuthCookie=${cookie}\n` });
  if (run.code !== 0) throw new Error(`pandav auth ended with ${run.code}: ${run.stderr}`);
}

async function setRate(server: RunningServer, perSecond: number): Promise<void> {
  const login = await call(server, "/api/auth/login", undefined, { username: server.user, password: server.password });
  const { token } = login as { token: string };
  const accounts = (await call(server, "/api/pandav/accounts", token)) as readonly { id: number }[];
  for (const { id } of accounts) await call(server, `/api/pandav/accounts/${id}/rate`, token, { perSecond });
}

async function call(server: RunningServer, path: string, token?: string, body?: unknown): Promise<unknown> {
  const response = await fetch(server.url + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json", ...(token !== undefined && { authorization: token }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const reply = (await response.json()) as { code: number; message: string; data: unknown };
  if (reply.code !== 200) throw new Error(`${path}: ${reply.code} ${reply.message}`);
  return reply.data;
}
