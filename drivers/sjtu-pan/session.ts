/** Calls of the file plane under the account's access token, which is renewed before its end and once when it is refused (sjtu-pan.md §2.1, §1.7). */
import type { Method } from "got";
import type { AccountHandle } from "../contract/account.ts";
import type { DriverEnv } from "../contract/driver.ts";
import { StorageError } from "../contract/errors.ts";
import type { CallOptions } from "../contract/mount.ts";
import { STALE_ACCESS, STALE_USER } from "./codes.ts";
import type { SjtuAccess, SjtuCredential } from "./credential.ts";
import { type HttpReply, send } from "./http.ts";
import { payloadOf } from "./reply.ts";

/** One call of `/api/v1`. */
export interface PanRequest {
  readonly method: Method;
  /** The first segment behind `/api/v1`, such as `file`. */
  readonly resource: string;
  /** What follows library and space: percent-encoded, without a leading slash. */
  readonly path?: string;
  /** Parameters whose presence is all. */
  readonly flags?: readonly string[];
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly json?: unknown;
}

export interface PanReply {
  readonly status: number;
  readonly headers: HttpReply["headers"];
  /** Undefined where there is none. */
  readonly payload: unknown;
}

const BASE = "https://pan.sjtu.edu.cn/api/v1";

export class PanSession {
  readonly #env: DriverEnv<SjtuCredential>;
  readonly #account: AccountHandle<SjtuCredential>;
  /** Server's time less ours, in milliseconds. */
  #offsetMs = 0;

  constructor(env: DriverEnv<SjtuCredential>, account: AccountHandle<SjtuCredential>) {
    this.#env = env;
    this.#account = account;
  }

  /** The server's time in milliseconds since the epoch, to a second: what its expirations are measured by (sjtu-pan.md §10, P-30). */
  now(): number {
    return this.#env.clock.now() + this.#offsetMs;
  }

  /** What that moment of the server's is by our clock. */
  toLocal(serverMs: number): number {
    return serverMs - this.#offsetMs;
  }

  /** The answer to a call. Throws what the service says, and `unauthenticated` when the account cannot renew itself. */
  call(request: PanRequest, o: CallOptions): Promise<PanReply> {
    return this.#authorized(STALE_ACCESS, o, async ({ access }) => {
      const reply = await send(
        this.#env,
        {
          method: request.method,
          url: addressOf(request, access as SjtuAccess),
          ...(request.json !== undefined && { json: request.json }),
        },
        o,
      );
      this.#compareClocks(reply);
      return { status: reply.status, headers: reply.headers, payload: payloadOf(reply) };
    });
  }

  /** A call of the account plane, with the userToken. */
  callAsUser<T>(run: (userToken: string) => Promise<T>, o: CallOptions): Promise<T> {
    return this.#authorized(STALE_USER, o, ({ userToken }) => run(userToken as string));
  }

  async #authorized<T>(
    stale: ReadonlySet<string>,
    o: CallOptions,
    run: (credential: SjtuCredential) => Promise<T>,
  ): Promise<T> {
    const credential = await this.#credential(o);
    try {
      return await run(credential);
    } catch (error) {
      if (!isStale(error, stale)) throw error;
    }
    return run(await this.#renew(credential, o));
  }

  /** The stored credential, renewed first where it lacks a token or where that is about to end. */
  async #credential(o: CallOptions): Promise<SjtuCredential> {
    o.signal.throwIfAborted();
    const credential = await this.#account.get();
    const { access, userToken } = credential;
    const now = this.#env.clock.now();
    if (access && userToken && now < access.renewAt) return credential;
    try {
      return await this.#renew(credential, o);
    } catch (error) {
      const isFleeting = error instanceof StorageError && error.kind !== "unauthenticated";
      if (isFleeting && access && userToken && now < access.expiresAt) return credential;
      throw error;
    }
  }

  /** The account renews for all its callers at once; one of them may leave before that has ended. */
  #renew(failed: SjtuCredential, { signal }: CallOptions): Promise<SjtuCredential> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const leave = () => reject(signal.reason);
      signal.addEventListener("abort", leave, { once: true });
      this.#account
        .renew(failed)
        .then(resolve, reject)
        .finally(() => signal.removeEventListener("abort", leave));
    });
  }

  #compareClocks({ headers }: HttpReply): void {
    const time = Date.parse(String(headers.date));
    // The header is cut to the second: half of one is the likeliest rest.
    if (Number.isFinite(time)) this.#offsetMs = time + 500 - this.#env.clock.now();
  }
}

function addressOf({ resource, path, flags = [], query = {} }: PanRequest, access: SjtuAccess): string {
  const tail = path === undefined ? "" : `/${path}`;
  const parameters = [
    ...flags,
    ...Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
    ),
    `access_token=${encodeURIComponent(access.token)}`,
  ];
  const space = `${encodeURIComponent(access.libraryId)}/${encodeURIComponent(access.spaceId)}`;
  return `${BASE}/${resource}/${space}${tail}?${parameters.join("&")}`;
}

function isStale(error: unknown, codes: ReadonlySet<string>): boolean {
  if (!(error instanceof StorageError) || error.kind !== "unauthenticated") return false;
  const { code, status } = error.upstream ?? {};
  // The project page of jdisk describes a bare 401 (sjtu-pan.md §1.5).
  return code === undefined ? status === 401 : codes.has(String(code));
}
