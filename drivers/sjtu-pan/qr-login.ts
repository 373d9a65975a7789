/** The login flow by QR code: a code that is renewed until somebody confirms it in the university's app (sjtu-pan.md §2.2). */
import { z } from "zod";
import type { LoginFlow, LoginStep } from "../contract/account.ts";
import type { DriverEnv } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { CallOptions } from "../contract/mount.ts";
import type { SjtuCredential } from "./credential.ts";
import { openQrSocket, type QrEvent, type QrSocket } from "./qr-socket.ts";
import { cookieIn, follow, JACCOUNT, newDeviceId, signIn } from "./sign-in.ts";

/** How long somebody may take, in milliseconds. */
const LOGIN_MS = 300_000;
/** A code is good for about a minute; it is renewed sooner (sjtu-pan.md §2.1, §11). */
const CODE_LIFE_MS = 60_000;
const REFRESH_MS = 45_000;
/** Longest wait for a code that was asked for, before the socket counts as dead. */
const ANSWER_MS = 10_000;
/** How often a lost socket is opened again with the same uuid, and how often a new uuid is fetched, before the login fails. */
const MAX_REOPENINGS = 5;
const MAX_UUIDS = 3;

const UUID = /uuid=([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/i;

export const qrFlow: LoginFlow<SjtuCredential> = {
  id: "qr",
  title: "QR code",
  input: z.object({}),
  async *run(_input, env, o) {
    const jar = env.cookieJar();
    const deadline = env.clock.now() + LOGIN_MS;
    const uuid = yield* showCodes(env, () => fetchUuid(env, jar, o), deadline, o);
    const { reply } = await follow(env, jar, `${JACCOUNT}/jaccount/expresslogin?uuid=${uuid}`, o);
    if ((reply && reply.status >= 400) || (await cookieIn(jar)) === undefined) {
      throw new StorageError("unauthenticated", "jAccount did not complete the login", { reason: "refused" });
    }
    return signIn(env, jar, newDeviceId(env), o);
  },
};

/** Codes until one is confirmed; returns its uuid. */
async function* showCodes(
  env: DriverEnv,
  newUuid: () => Promise<string>,
  deadline: number,
  o: CallOptions,
): AsyncGenerator<LoginStep, string, unknown> {
  for (let tries = 1; ; tries++) {
    const uuid = await newUuid();
    const end = yield* watch(env, uuid, deadline, o);
    if (end === "confirmed") return uuid;
    if (tries === MAX_UUIDS) throw unreachable();
  }
}

/** Shows the codes of one uuid, through lost sockets, until it is confirmed or jAccount knows it no more. */
async function* watch(
  env: DriverEnv,
  uuid: string,
  deadline: number,
  o: CallOptions,
): AsyncGenerator<LoginStep, "confirmed" | "lost", unknown> {
  let isShown = false;
  for (let opened = 0; opened <= MAX_REOPENINGS; opened++) {
    if (opened > 0) await env.clock.sleep(Math.min(2 * opened, 10) * 1000, o.signal);
    const socket = openQrSocket(env, uuid);
    try {
      for await (const event of eventsOf(env, socket, deadline, o)) {
        if (event.kind === "login") return "confirmed";
        if (event.kind === "closed" && event.unknown) return "lost";
        // Before the first code it is fatal, later a warning (sjtu-pan.md §2.2).
        if (event.kind === "refused" && !isShown) {
          throw new StorageError("unauthenticated", `jAccount gives no QR code (error ${event.error})`, {
            reason: "refused",
          });
        }
        if (event.kind !== "code") continue;
        opened = 0;
        yield stepOf(uuid, event, isShown, env.clock.now());
        isShown = true;
      }
    } finally {
      socket.close();
    }
  }
  return "lost";
}

/** The socket's events until it is closed or dead, a new code being asked for in time. Throws `unauthenticated`, reason `expired`, at the deadline. */
async function* eventsOf(
  env: DriverEnv,
  socket: QrSocket,
  deadline: number,
  o: CallOptions,
): AsyncGenerator<QrEvent, void, unknown> {
  // Until the socket is open, its own handshake has the limit.
  let askAt = Number.POSITIVE_INFINITY;
  let answerBy = Number.POSITIVE_INFINITY;
  for (;;) {
    const until = Math.min(askAt, answerBy, deadline);
    const event = await socket.next(until - env.clock.now(), o.signal);
    const now = env.clock.now();
    if (now >= deadline && event?.kind !== "login") {
      throw new StorageError("unauthenticated", "nobody confirmed the QR code in time: begin again", {
        reason: "expired",
      });
    }
    if (event?.kind === "open" || (!event && now >= askAt)) {
      socket.askForCode();
      askAt = Number.POSITIVE_INFINITY;
      answerBy = now + ANSWER_MS;
    }
    if (event?.kind === "code") {
      askAt = now + REFRESH_MS;
      answerBy = Number.POSITIVE_INFINITY;
    }
    if (event) yield event;
    if (event?.kind === "closed") return;
    if (!event && now >= answerBy) return;
  }
}

function stepOf(uuid: string, { sig, ts }: { sig: string; ts: string }, again: boolean, now: number): LoginStep {
  const query = [`uuid=${uuid}`, `ts=${encodeURIComponent(ts)}`, `sig=${encodeURIComponent(sig)}`].join("&");
  const url = `${JACCOUNT}/jaccount/confirmscancode?${query}`;
  return { kind: "qr", content: url, url, state: again ? "refreshed" : "waiting", expiresAt: now + CODE_LIFE_MS };
}

/** The uuid in the login page to which any protected page redirects. */
async function fetchUuid(env: DriverEnv, jar: ReturnType<DriverEnv["cookieJar"]>, o: CallOptions): Promise<string> {
  const { url, reply } = await follow(env, jar, "https://my.sjtu.edu.cn/ui/appmyinfo", o);
  const uuid = UUID.exec(reply?.text ?? "")?.[1];
  if (uuid && url.hostname === "jaccount.sjtu.edu.cn") return uuid;
  throw new StorageError("unavailable", `jAccount shows no login page (${url.hostname}, status ${reply?.status})`, {
    retryable: true,
    ...(reply && { upstream: { status: reply.status } }),
  });
}

function unreachable(): StorageError {
  return new StorageError("unavailable", "the connection to jAccount breaks again and again: campus network or VPN?", {
    reason: "campus-network",
    retryable: true,
  });
}
