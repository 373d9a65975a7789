/** A plain HTTP client for the simulator's own tests: says exactly what it is told to. */
import { Agent } from "undici";
import type { RunningSjtuPan } from "./start.ts";
import { HOSTS, type Role } from "./wire.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: replies are compared as they come
  readonly body: any;
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly json?: unknown;
}

export class TestClient {
  readonly library: string;
  readonly space: string;
  readonly cookie: string;
  readonly userToken: string;
  accessToken: string;
  readonly #pan: RunningSjtuPan;
  readonly #agent = new Agent();

  constructor(pan: RunningSjtuPan, account = 0) {
    const { libraryId, spaceId, cookie, userToken, accessToken } = pan.credentials(account);
    this.library = libraryId;
    this.space = spaceId;
    this.cookie = cookie;
    this.userToken = userToken;
    this.accessToken = accessToken;
    this.#pan = pan;
  }

  /** Any request to one of the hosts; `target` is path and query. */
  async send(role: Role, method: string, target: string, options: SendOptions = {}): Promise<Answer> {
    const body = options.json === undefined ? (options.body ?? null) : JSON.stringify(options.json);
    const reply = await this.#agent.request({
      origin: this.#pan.origins[role],
      path: target,
      method: method as "GET",
      headers: { host: role === "store" ? this.#pan.world.storeHost : HOSTS[role], ...options.headers },
      body,
    });
    const bytes = Buffer.from(await reply.body.arrayBuffer());
    const text = bytes.length > 2 ** 20 ? "" : bytes.toString("utf8");
    return {
      status: reply.statusCode,
      headers: Object.fromEntries(Object.entries(reply.headers).map(([name, value]) => [name, String(value)])),
      text,
      bytes,
      body:
        /^application\/json/.test(String(reply.headers["content-type"])) && text !== "" ? JSON.parse(text) : undefined,
    };
  }

  /** A call of the file plane: `api("GET", "directory/docs", "page=1")`. */
  api(method: string, place: string, query = "", options: SendOptions = {}): Promise<Answer> {
    const [kind = "", ...rest] = place.split("/");
    const path = rest.map((segment) => encodeURIComponent(segment)).join("/");
    const flags = query === "" ? "" : `${query}&`;
    const target = `/api/v1/${kind}/${this.library}/${this.space}/${path}?${flags}access_token=${this.accessToken}`;
    return this.send("pan", method, target, options);
  }

  user(method: string, path: string, query = "", options: SendOptions = {}): Promise<Answer> {
    const more = query === "" ? "" : `&${query}`;
    return this.send("pan", method, `/user/v1/${path}?user_token=${this.userToken}${more}`, options);
  }

  /** Follows an absolute address of one of the hosts. */
  follow(address: string, options: SendOptions = {}): Promise<Answer> {
    const url = new URL(address);
    const role = (Object.keys(HOSTS) as Role[]).find((one) => HOSTS[one] === url.host);
    if (!role) throw new Error(`${url.host} is no host of the service`);
    return this.send(role, "GET", url.pathname + url.search, options);
  }

  /** The three steps of a simple upload; the last answer. */
  async upload(path: string, bytes: string | Buffer, query = "conflict_resolution_strategy=rename"): Promise<Answer> {
    const start = await this.api("PUT", `file/${path}`, query, { json: {} });
    if (start.status >= 300) return start;
    const put = await this.putObject(start.body, bytes);
    if (put.status !== 200) return put;
    return this.api("POST", `file/${start.body.confirmKey}`, "confirm");
  }

  putObject(start: Answer["body"], bytes: string | Buffer): Promise<Answer> {
    return this.send("store", "PUT", start.path, { headers: start.headers, body: Buffer.from(bytes) });
  }

  startParts(path: string, numbers: readonly number[], query = ""): Promise<Answer> {
    const flags = query === "" ? "multipart" : `multipart&${query}`;
    return this.api("POST", `file/${path}`, flags, { json: { partNumberRange: numbers } });
  }

  /** Sends one part with the headers of a start or a renewal. */
  putPart(reply: Answer["body"], number: number, bytes: Buffer): Promise<Answer> {
    const target = `${reply.path}?uploadId=${encodeURIComponent(reply.uploadId)}&partNumber=${number}`;
    return this.send("store", "PUT", target, { headers: reply.parts[String(number)].headers, body: bytes });
  }

  /** The address that a download is redirected to. */
  async link(path: string): Promise<string> {
    const { headers } = await this.api("GET", `file/${path}`);
    return headers.location ?? "";
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
