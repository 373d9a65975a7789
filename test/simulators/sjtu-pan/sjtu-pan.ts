/** The simulated SJTU Pan: state, control and the answer to one request; no socket (sjtu-pan.md §12). */
import { apiPlane } from "./api-plane.ts";
import { Call, ClientGone } from "./call.ts";
import { ServiceError, StoreError } from "./errors.ts";
import { faultReply, readSome } from "./fault-replies.ts";
import { type Fault, Faults, passes } from "./faults.ts";
import { Files } from "./files.ts";
import { checkHeaders } from "./header-rules.ts";
import { jaccountPages } from "./jaccount.ts";
import type { Knobs } from "./knobs.ts";
import { type LogEntry, RequestLog } from "./log.ts";
import { QrLogin } from "./qr.ts";
import { storeOperation } from "./store.ts";
import { openTasks } from "./tasks.ts";
import {
  createAccessToken,
  createCookie,
  createUserToken,
  endCookies,
  endUserTokens,
  revokeAccessTokens,
} from "./tokens.ts";
import { userPlane } from "./user-plane.ts";
import { errorReply, html, type SimReply, type SimRequest, storeErrorReply } from "./wire.ts";
import { type Violation, type ViolationKind, World, type WorldOptions } from "./world.ts";

export interface SjtuPanOptions extends WorldOptions {
  /** Kinds of violation that are counted apart, because the test means them to happen. */
  readonly tolerate?: readonly ViolationKind[];
}

/** Everything that a session needs, freshly given out. */
export interface Credentials {
  readonly userId: number;
  readonly nickname: string;
  readonly libraryId: string;
  readonly spaceId: string;
  readonly cookie: string;
  readonly userToken: string;
  readonly accessToken: string;
}

/** What becomes of a request: an answer (that may break after so many bytes), or none. */
export type Outcome =
  | {
      readonly kind: "reply";
      readonly reply: SimReply;
      readonly breakAfter: number | undefined;
      readonly entry: LogEntry;
    }
  | { readonly kind: "cut" | "silence"; readonly entry: LogEntry };

/** A service with all its accounts. */
export class SjtuPan {
  readonly world: World;
  readonly qr: QrLogin;
  readonly faults = new Faults();
  readonly log = new RequestLog();
  /** Requests that the facts do not allow: a test expects none. */
  readonly violations: Violation[] = [];
  /** Those of the tolerated kinds. */
  readonly tolerated: Violation[] = [];
  /** Files of the first account; of others: `filesOf`. */
  readonly files: Files;
  readonly #tolerate: Set<ViolationKind>;
  #number = 0;

  constructor(options: SjtuPanOptions) {
    this.world = new World(options);
    this.qr = new QrLogin(this.world);
    this.files = this.filesOf(0);
    this.#tolerate = new Set(options.tolerate);
  }

  /** May be set at any time. */
  get knobs(): Knobs {
    return this.world.knobs;
  }

  filesOf(account: number): Files {
    return new Files(this.world, this.#account(account));
  }

  /** From now on violations of these kinds are counted apart. */
  tolerate(...kinds: ViolationKind[]): void {
    for (const kind of kinds) this.#tolerate.add(kind);
  }

  /** A cookie, a user token and an access token for an account, without any request. */
  credentials(account = 0): Credentials {
    const of = this.#account(account);
    return {
      userId: of.userId,
      nickname: of.nickname,
      libraryId: this.world.libraryId,
      spaceId: of.space.id,
      cookie: createCookie(this.world, of),
      userToken: createUserToken(this.world, of),
      accessToken: createAccessToken(this.world, of),
    };
  }

  /** Ends what was given out before its time. */
  end(what: "access-tokens" | "user-tokens" | "cookies"): void {
    if (what === "access-tokens") revokeAccessTokens(this.world);
    else if (what === "user-tokens") endUserTokens(this.world);
    else endCookies(this.world);
  }

  /** Bytes of an account's quota; null: without limit. */
  setCapacity(capacity: number | null, account = 0): void {
    this.#account(account).capacity = capacity ?? undefined;
  }

  setPersonalSpace(allowed: boolean, account = 0): void {
    this.#account(account).hasPersonalSpace = allowed;
  }

  /** What is going on that a client should have ended: uploads neither confirmed nor aborted, tasks nobody waited for, sockets. */
  pending(): { readonly uploads: number; readonly tasks: number; readonly sockets: number } {
    const uploads = [...this.world.uploads.values()].filter(({ state }) => state === "pending").length;
    return { uploads, tasks: openTasks(this.world), sockets: this.qr.socketCount };
  }

  /** Names and ids of what is in an account's bin. */
  bin(account = 0): readonly { readonly id: number; readonly originalPath: string }[] {
    return [...this.#account(account).space.bin.values()].map(({ id, originalPath }) => ({
      id,
      originalPath: originalPath.join("/"),
    }));
  }

  /** Answers a request. Never throws, except for a defect of the simulator. */
  async handle(request: SimRequest): Promise<Outcome> {
    const noted: Violation[] = [];
    const call = new Call(this.world, request, noted);
    const entry = await this.#entry(call);
    try {
      return await entry.answer();
    } finally {
      entry.entry.requestBytes = call.received;
      this.#file(noted);
    }
  }

  /** A request to open a socket: the status of a refusal, a cut, or undefined. */
  handleUpgrade(request: SimRequest, uuid: string | undefined): number | "cut" | undefined {
    const noted: Violation[] = [];
    const call = new Call(this.world, request, noted);
    call.route = "ws.connect";
    call.expectQuery([]);
    checkHeaders(call);
    if (uuid === undefined) call.violate("path", "no socket is at this path");
    const faults = this.faults.take(call.route, request);
    const fault = faults.find((one) => one.kind === "error" || one.kind === "reset");
    const refusal = uuid && this.qr.find(uuid) ? undefined : 404;
    const status = fault?.kind === "reset" ? "cut" : fault?.kind === "error" ? fault.status : refusal;
    this.#log(call, faults).status = status === "cut" ? 0 : (status ?? 101);
    this.#file(noted);
    return status;
  }

  #file(noted: readonly Violation[]): void {
    for (const one of noted) (this.#tolerate.has(one.kind) ? this.tolerated : this.violations).push(one);
  }

  async #entry(call: Call): Promise<{ readonly entry: LogEntry; answer(): Promise<Outcome> }> {
    const { request } = call;
    let run: (fault: Fault | undefined) => SimReply | Promise<SimReply>;
    try {
      run = await this.#route(call);
    } catch (error) {
      run = () => Promise.reject(error);
    }
    const faults = this.faults.take(call.route, request);
    const entry = this.#log(call, faults);
    return { entry, answer: () => this.#answer(call, run, faults, entry) };
  }

  async #route(call: Call): Promise<(fault: Fault | undefined) => SimReply | Promise<SimReply>> {
    const { request } = call;
    const { role, method, rawPath } = request;
    if (method === "OPTIONS") {
      call.route = "cors";
      return () => ({
        status: 200,
        headers: { "Access-Control-Allow-Methods": "GET, PUT, POST, DELETE, HEAD" },
        body: "",
      });
    }
    checkHeaders(call);
    if (role === "store") return storeOperation(call);
    if (role !== "pan") return jaccountPages(call, this.qr);
    await call.readText();
    if (rawPath.startsWith("/user/v1/")) return userPlane(call);
    if (rawPath.startsWith("/api/v1/")) return apiPlane(call);
    if (method === "GET" && (rawPath === "/login" || rawPath === "/")) {
      call.route = "pan.page";
      return () => html(200, "<p>SJTU Pan</p>");
    }
    return () => call.refuse("path", "there is no such page", "NotFound");
  }

  #log(call: Call, faults: readonly Fault[]): LogEntry {
    const { request } = call;
    this.#number += 1;
    const entry: LogEntry = {
      number: this.#number,
      at: this.world.now(),
      role: request.role,
      route: call.route,
      method: request.method,
      path: call.shownPath,
      query: call.shownQuery(),
      status: 0,
      requestBytes: 0,
      replyBytes: 0,
      fault: faults.at(-1)?.kind,
    };
    this.log.add(entry);
    return entry;
  }

  async #answer(
    call: Call,
    run: (fault: Fault | undefined) => SimReply | Promise<SimReply>,
    faults: readonly Fault[],
    entry: LogEntry,
  ): Promise<Outcome> {
    for (const fault of faults.filter(passes)) await this.#pass(fault, call.request);
    const fault = faults.find((one) => !passes(one));
    if (fault?.kind === "silence") return { kind: "silence", entry };
    if (fault?.kind === "reset" && fault.when === "before") {
      await readSome(call, fault.afterBytes ?? 0);
      return { kind: "cut", entry };
    }
    const reply = faultReply(call, fault) ?? (await this.#run(call, run, fault));
    if (fault?.kind === "reset" || !reply) return { kind: "cut", entry };
    entry.status = reply.status;
    const breakAfter = fault?.kind === "truncate" ? fault.afterBytes : undefined;
    return { kind: "reply", reply: this.#withCommonHeaders(call, reply), breakAfter, entry };
  }

  async #run(
    call: Call,
    run: (fault: Fault | undefined) => SimReply | Promise<SimReply>,
    fault: Fault | undefined,
  ): Promise<SimReply | undefined> {
    try {
      const reply = await run(fault);
      return this.knobs.olderReplies && call.request.role === "pan" ? withStatus(reply) : reply;
    } catch (error) {
      if (error instanceof ClientGone) return undefined;
      if (error instanceof ServiceError) return errorReply(error, call.requestId);
      if (error instanceof StoreError) return storeErrorReply(error, call.request.rawPath, call.requestId);
      throw error;
    }
  }

  async #pass(fault: Fault, request: SimRequest): Promise<void> {
    if (fault.kind === "latency") await new Promise((resolve) => setTimeout(resolve, fault.ms));
    else if (fault.kind === "run") await fault.action(request);
    else if (fault.kind === "access-tokens-end") this.end("access-tokens");
    else if (fault.kind === "user-tokens-end") {
      this.end("user-tokens");
      if (fault.cookiesToo) this.end("cookies");
    }
  }

  #withCommonHeaders(call: Call, reply: SimReply): SimReply {
    const { origin } = call.request.headers;
    return {
      ...reply,
      headers: {
        ...reply.headers,
        Date: new Date(this.world.now()).toUTCString(),
        "X-Request-Id": call.requestId,
        ...(origin !== undefined && {
          "Access-Control-Allow-Origin": origin,
          "Access-Control-Allow-Headers": String(call.request.headers["access-control-request-headers"] ?? "*"),
          "Access-Control-Expose-Headers": "ETag, Content-Range, X-Request-Id",
        }),
      },
    };
  }

  #account(index: number): World["accounts"][number] {
    const account = this.world.accounts[index];
    if (!account) throw new RangeError(`there is no account ${index}`);
    return account;
  }
}

/** A service of its own. Without a clock of the test's it runs by the machine's. */
export function createSjtuPan(options: SjtuPanOptions = {}): SjtuPan {
  return new SjtuPan(options);
}

/** A reply as it once was: with a status and a message beside the payload (sjtu-pan.md §1.4). */
function withStatus(reply: SimReply): SimReply {
  if (typeof reply.body !== "string" || !reply.body.startsWith("{")) return reply;
  return { ...reply, body: JSON.stringify({ status: 0, message: "success", ...JSON.parse(reply.body) }) };
}
