/** The QR login: codes of one login page, and the socket that hands them out (sjtu-pan.md §2.2, §2.9). */
import { randomUUID } from "node:crypto";
import type { Account, World } from "./world.ts";

/** What a socket must be able to do. */
export interface QrSocket {
  send(text: string): void;
  close(): void;
}

export interface QrSession {
  readonly uuid: string;
  /** Ties the login page to the browser that opened it. */
  readonly cookie: string;
  readonly codes: { readonly sig: string; readonly ts: number }[];
  confirmedBy: Account | undefined;
  /** When the page was opened. */
  readonly createdAt: number;
}

/** How long a login page can be used; the facts know of at least 5 minutes. */
const PAGE_LIFE_MS = 30 * 60_000;

export class QrLogin {
  readonly sessions = new Map<string, QrSession>();
  readonly #world: World;
  readonly #sockets = new Map<string, Set<QrSocket>>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A new login page. */
  open(): QrSession {
    const session: QrSession = {
      uuid: randomUUID(),
      cookie: this.#world.secret(32),
      codes: [],
      confirmedBy: undefined,
      createdAt: this.#world.now(),
    };
    this.sessions.set(session.uuid, session);
    return session;
  }

  find(uuid: string): QrSession | undefined {
    const session = this.sessions.get(uuid);
    return session && this.#world.now() < session.createdAt + PAGE_LIFE_MS ? session : undefined;
  }

  /** The last code that was sent for a page. */
  lastCode(uuid: string): { readonly sig: string; readonly ts: number } | undefined {
    return this.sessions.get(uuid)?.codes.at(-1);
  }

  /** What the phone does: true where the code is good; then every socket of the page hears of it. */
  scan(uuid: string, sig: string, ts: number, account: Account = this.#world.accounts[0]!): boolean {
    const session = this.find(uuid);
    const code = session?.codes.find((one) => one.sig === sig && one.ts === ts);
    if (!session || !code || this.#world.now() - code.ts > this.#world.knobs.qr.codeLifeMs) return false;
    session.confirmedBy = account;
    const { neverLogin, delayLoginMs } = this.#world.knobs.qr;
    if (!neverLogin) this.#later(delayLoginMs, () => this.#tellLogin(uuid));
    return true;
  }

  /** Connects a socket; the caller hands its texts to `message` and calls `closed` at its end. */
  connect(uuid: string, socket: QrSocket): { message(text: string): void; closed(): void } {
    const all = this.#sockets.get(uuid) ?? new Set();
    this.#sockets.set(uuid, all);
    const { heartbeatEveryMs, dropAfter } = this.#world.knobs.qr;
    let sent = 0;
    const counted: QrSocket = {
      send(text) {
        socket.send(text);
        sent += 1;
        if (sent === dropAfter) socket.close();
      },
      close: () => socket.close(),
    };
    all.add(counted);
    const heartbeat = heartbeatEveryMs > 0 ? setInterval(() => counted.send("ping"), heartbeatEveryMs) : undefined;
    if (this.sessions.get(uuid)?.confirmedBy && !this.#world.knobs.qr.neverLogin) {
      this.#later(0, () => all.has(counted) && counted.send(this.#text("LOGIN")));
    }
    return {
      message: (text) => this.#message(uuid, counted, text),
      closed() {
        clearInterval(heartbeat);
        all.delete(counted);
      },
    };
  }

  /** Cuts every socket of a page, or of all. */
  drop(uuid?: string): void {
    for (const [of, sockets] of this.#sockets) {
      if (uuid === undefined || of === uuid) for (const socket of [...sockets]) socket.close();
    }
  }

  /** Sockets that are open now. */
  get socketCount(): number {
    let count = 0;
    for (const sockets of this.#sockets.values()) count += sockets.size;
    return count;
  }

  /** Ends timers and sockets. */
  end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.drop();
  }

  #message(uuid: string, socket: QrSocket, text: string): void {
    const session = this.find(uuid);
    if (!session || this.#world.knobs.qr.silent || !asksForCode(text)) return;
    const now = this.#world.now();
    const code = { sig: this.#world.secret(64), ts: now };
    session.codes.push(code);
    socket.send(this.#text("UPDATE_QR_CODE", { sig: code.sig, ts: code.ts }));
  }

  #tellLogin(uuid: string): void {
    for (const socket of this.#sockets.get(uuid) ?? []) socket.send(this.#text("LOGIN"));
  }

  #text(type: string, payload?: unknown): string {
    const { lowercaseTypes, errorCode } = this.#world.knobs.qr;
    const shown = lowercaseTypes ? type.toLowerCase() : type;
    return JSON.stringify({ error: errorCode, type: shown, ...(payload !== undefined && { payload }) });
  }

  #later(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
  }
}

function asksForCode(text: string): boolean {
  try {
    return (JSON.parse(text) as { type?: unknown } | null)?.type === "UPDATE_QR_CODE";
  } catch {
    return false;
  }
}
