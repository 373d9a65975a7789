/** A server on another machine, spoken to over HTTP or HTTPS with a login from the environment. */
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { z } from "zod";
import { type Environment, UsageError } from "../config.ts";
import { Client, type Reach, type Reached, Refused } from "./client.ts";

const granted = z.object({ token: z.string() });

/** The server that `--server`, or else PANDAV_SERVER where no `--data` is given, names; undefined where the command is about a data folder. Throws UsageError. */
export function remoteServer(
  flags: { readonly server?: string | undefined; readonly data?: string | undefined },
  env: Environment,
): Reach | undefined {
  if (flags.server !== undefined && flags.data !== undefined)
    throw new UsageError("--data and --server exclude each other: name one of them");
  if (flags.server !== undefined) return reachOrigin(readOrigin("--server", flags.server), env);
  if (flags.data === undefined && env.PANDAV_SERVER)
    return reachOrigin(readOrigin("PANDAV_SERVER", env.PANDAV_SERVER), env);
  return undefined;
}

function readOrigin(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash)
    throw new UsageError(`${name} needs an address such as https://dav.example.com or http://127.0.0.1:5244`);
  if (url.username || url.password)
    throw new UsageError(`${name} must not hold a login, which others could see: set PANDAV_USER and PANDAV_PASSWORD`);
  return url;
}

function reachOrigin(origin: URL, env: Environment): Reach {
  const { PANDAV_TOKEN: token, PANDAV_USER: username, PANDAV_PASSWORD: password } = env;
  if (!token && (username === undefined) !== (password === undefined))
    throw new UsageError("PANDAV_USER and PANDAV_PASSWORD go together: set both, or PANDAV_TOKEN");
  return async (signal) => {
    const door = open(origin, token);
    if (token || !username) return door;
    try {
      const body = { username, password };
      const client = new Client(async () => door, signal);
      const login = await client.call({ method: "POST", path: "/api/auth/login", body }, granted);
      return { ...door, token: login.token };
    } catch (error) {
      await door.close();
      // A wrong password is 400 on this wire (alist-api.md §4.3), and means what 401 means elsewhere.
      throw error instanceof Refused ? new Refused(error.message, undefined, 401) : error;
    }
  };
}

function open(origin: URL, token: string | undefined): Extract<Reached, { origin: URL }> {
  const secure = origin.protocol === "https:";
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  return {
    origin,
    token,
    agent,
    request: secure ? httpsRequest : httpRequest,
    close: async () => agent.destroy(),
  };
}
