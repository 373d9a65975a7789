/** The push channel of a QR login: what jAccount says over it, one event after the other (sjtu-pan.md §2.2). */
import { z } from "zod";
import type { DriverEnv } from "../contract/driver.ts";
import { parseJson } from "../kit/json.ts";

type Env = Pick<DriverEnv, "webSocket" | "clock">;

/** Events kept while nobody asks for the next one; jAccount sends a handful. */
const MAX_WAITING = 64;

export type QrEvent =
  | { readonly kind: "open" }
  | { readonly kind: "code"; readonly sig: string; readonly ts: string }
  | { readonly kind: "login" }
  /** jAccount refuses: its number of the error. */
  | { readonly kind: "refused"; readonly error: number }
  /** The socket is gone; `unknown` where jAccount does not know the code's uuid. */
  | { readonly kind: "closed"; readonly unknown: boolean };

export interface QrSocket {
  /** The next event, or undefined when none came for `ms`. Throws the signal's reason. */
  next(ms: number, signal: AbortSignal): Promise<QrEvent | undefined>;
  /** Asks for a new code. */
  askForCode(): void;
  close(): void;
}

const messageSchema = z.object({
  error: z.number().nullish(),
  type: z.string(),
  payload: z
    .object({ sig: z.string(), ts: z.union([z.number(), z.string()]) })
    .nullish()
    .catch(undefined),
});

/** Opens the channel of one uuid. What fails is an event, too. */
export function openQrSocket(env: Env, uuid: string): QrSocket {
  const socket = env.webSocket(`wss://jaccount.sjtu.edu.cn/jaccount/sub/${uuid}`);
  const waiting: QrEvent[] = [];
  let wake: (() => void) | undefined;
  let unknown = false;
  const push = (event: QrEvent) => {
    if (waiting.length < MAX_WAITING) waiting.push(event);
    wake?.();
  };
  socket.on("open", () => push({ kind: "open" }));
  socket.on("message", (data) => {
    const event = eventOf(String(data));
    if (event) push(event);
  });
  socket.on("unexpected-response", (_request, response) => {
    unknown = response.statusCode === 404;
    response.resume();
    socket.terminate();
  });
  // `close` follows, and says all that there is to know.
  socket.on("error", () => {});
  socket.on("close", () => push({ kind: "closed", unknown }));

  return {
    async next(ms, signal) {
      signal.throwIfAborted();
      if (waiting.length === 0) {
        const settled = new AbortController();
        const event = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const time = env.clock.sleep(Math.max(ms, 0), AbortSignal.any([signal, settled.signal])).catch(() => {});
        await Promise.race([event, time]);
        wake = undefined;
        settled.abort();
        signal.throwIfAborted();
      }
      return waiting.shift();
    },
    askForCode() {
      if (socket.readyState === socket.OPEN) socket.send('{"type":"UPDATE_QR_CODE"}');
    },
    close() {
      socket.removeAllListeners("message");
      socket.terminate();
    },
  };
}

/** What a frame means; heartbeats, other types and what is no JSON mean nothing. */
function eventOf(text: string): QrEvent | undefined {
  const { success, data } = messageSchema.safeParse(parseJson(text));
  if (!success) return undefined;
  if (data.error) return { kind: "refused", error: data.error };
  const type = data.type.toUpperCase();
  if (type === "LOGIN") return { kind: "login" };
  if (type !== "UPDATE_QR_CODE" || !data.payload) return undefined;
  return { kind: "code", sig: data.payload.sig, ts: String(data.payload.ts) };
}
