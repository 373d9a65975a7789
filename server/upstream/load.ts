/** Network packages, loaded when a driver first touches them: a local folder needs none, and an idle server should not carry them. */
import { createRequire } from "node:module";
import type { Got } from "got";
import type { CookieJar } from "tough-cookie";
import type { Agent, buildConnector, ProxyAgent } from "undici";
import type { WebSocket } from "ws";

// `require` of ES modules, and not `import()`, so that the members of DriverEnv stay synchronous.
const load = createRequire(import.meta.url);

export const loadGot = (): Got => (load("got") as { default: Got }).default;

export const loadUndici = () =>
  load("undici") as { Agent: typeof Agent; ProxyAgent: typeof ProxyAgent; buildConnector: typeof buildConnector };

export const loadWebSocket = () => (load("ws") as { WebSocket: typeof WebSocket }).WebSocket;

export const loadCookieJar = () => (load("tough-cookie") as { CookieJar: typeof CookieJar }).CookieJar;
