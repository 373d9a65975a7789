/** A recorded session asked of this server: the real program over files of its own, with what the recording left out done between. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { staticHash } from "#server/auth/passwords.ts";
import { totpCode } from "#server/auth/totp.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { writeFiles } from "./files.ts";
import type { Exchange, ServerName } from "./recorded.ts";

/** What came back. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** Undefined where the body is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: looked into key by key
  readonly json: any;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Sent in pieces, without Content-Length. */
  readonly chunked?: boolean;
}

/** The administrator's password, as it was recorded. */
const PASSWORD = "bar-secret-1";
/** The secret of the second factor of the recording (alist-api.md §19 has its like). */
const TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
/** A code's time, in milliseconds (RFC 6238 §4). */
const STEP_MS = 30_000;
/** Signed, but not by this server (alist-api.md §19). */
const FORGED =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6ImFkbWluIiwicHdkX3RzIjowLCJleHAiOjE3NjczOTg0MDAsIm5iZiI6MTc2NzIyNTYwMCwiaWF0IjoxNzY3MjI1NjAwfQ.p5KLn-TGh4yDSBGJOr1iyUg6vyqDmjEvWpTK5oJutkQ";
/** What marks a client of the dialect of roles (alist-api.md §1). */
const CLIENT_ID = "3f2b8a4e-0000-4000-8000-000000000001";
/** Recorded when the tasks that had been asked for before had ended. */
const AFTER_TASKS = new Set([
  ...["task/copy/done", "task/move/done", "task/copy/undone: none left", "task/copy/info: canceled"],
  ...["task/copy/retry_some", "task/copy/delete", "task/copy/delete_some"],
  ...["fs/copy: other storage, exists", "fs/copy: other storage, skip_existing", "fs/copy: slow"],
]);
/** Recorded when all was listed for the index. */
const AFTER_INDEX = new Set(["index/progress: done", "index/stop: not running"]);
/** How long tasks may take to end, in milliseconds. */
const TASKS_MS = 20_000;
/** Where the recorded lock-out comes from, so that it locks nobody else out. */
const OTHER_ADDRESS = "127.0.0.2";

export class Session {
  readonly #server: RunningServer;
  readonly #name: ServerName;
  readonly #files: string;
  /** By whom they are. */
  readonly #tokens = new Map<string, string>();
  #upload = "";
  /** The task that was asked for last. */
  #task = "";
  /** The driver's field for a folder: AList's where the driver has AList's form. */
  #rootField = "root";

  private constructor(server: RunningServer, name: ServerName, files: string) {
    this.#server = server;
    this.#name = name;
    this.#files = files;
  }

  static async open(name: ServerName): Promise<Session> {
    const files = mkdtempSync(join(tmpdir(), "pandav-wire-"));
    writeFiles(files);
    const session = new Session(await startServer({ adminPassword: PASSWORD }), name, files);
    await session.logIn("admin", PASSWORD);
    const { json } = await session.#asAdmin("/api/admin/driver/info?driver=Local");
    const fields: readonly { readonly name: string }[] = json.data.additional;
    if (fields.some(({ name: field }) => field === "root_folder_path")) session.#rootField = "root_folder_path";
    return session;
  }

  async close(): Promise<void> {
    await this.#server.stop();
    rmSync(this.#files, { recursive: true, force: true });
  }

  /** Asks what was recorded, after what the recording left out. */
  async ask(exchange: Exchange): Promise<Reply> {
    await this.#before(exchange.name);
    const body = await this.#bodyOf(exchange);
    const token = this.#tokenOf(exchange.as);
    const reply = await this.#send(
      {
        method: exchange.method,
        path: await this.#filled(exchange.path),
        headers: {
          ...(this.#name === "alist" && { "Client-Id": CLIENT_ID }),
          ...(await this.#headersOf(exchange)),
          ...(token !== undefined && { Authorization: token }),
        },
        ...(body !== undefined && { body }),
        chunked: /chunked/.test(exchange.name),
      },
      exchange.name.startsWith("auth/login: lock-out") ? OTHER_ADDRESS : undefined,
    );
    this.#learn(exchange, reply);
    return reply;
  }

  /** A login that was not recorded. */
  async logIn(name: string, password: string, label = name): Promise<void> {
    const { json } = await this.#post("/api/auth/login", { username: name, password });
    this.#tokens.set(label, json.data.token);
  }

  async #post(path: string, body: unknown, from?: string): Promise<Reply> {
    const token = this.#tokens.get("admin");
    const headers = { "Content-Type": "application/json", ...(token !== undefined && { Authorization: token }) };
    return this.#send({ method: "POST", path, headers, body: JSON.stringify(body) }, from);
  }

  /** What was done between the recorded exchanges. */
  async #before(name: string): Promise<void> {
    const setting = (key: string, value: string) => this.#post("/api/admin/setting/save", [{ key, value }]);
    const alice = async (permission: number) =>
      this.#post("/api/admin/user/update", {
        id: await this.#idOf("user", "alice"),
        username: "alice",
        password: "",
        base_path: "/docs",
        role: 0,
        disabled: false,
        permission,
      });
    const steps: Readonly<Record<string, () => Promise<unknown>>> = {
      "auth/login: lock-out, try 5": async () => {
        for (let i = 2; i <= 4; i++) {
          await this.#post("/api/auth/login", { username: "admin", password: "wrong" }, OTHER_ADDRESS);
        }
      },
      "auth/logout": () => this.logIn("admin", PASSWORD, "out"),
      "fs/rename: a mount": () => {
        const addition = this.#addition("/sac");
        return this.#post("/api/admin/storage/create", { mount_path: "/sac", driver: "Local", addition });
      },
      "storage/create: Local, second": async () =>
        this.#post(`/api/admin/storage/delete?id=${await this.#idOf("storage", "/sac")}`, {}),
      "me/update: own name and password": () => this.logIn("temp", "temp-2"),
      "auth/2fa/generate": () => this.logIn("temp", "temp-3"),
      "meta/list": () => this.#post("/api/admin/meta/create", { path: "/local/free", write: true }),
      "meta/delete": () => this.#post("/api/admin/meta/create", { path: "/gone" }),
      "fs/mkdir: no permission": () => alice(0),
      "fs/put": () => alice(13306),
      "share/create": () => alice(13306 | (1 << 14) | (1 << 15)),
      "d: sign_all off, no sign": () => setting("sign_all", "false"),
      "fs/get: link_expiration 1 h": async () => {
        await setting("sign_all", "true");
        await setting("link_expiration", "1");
      },
      "index/build: search off": async () => {
        await setting("link_expiration", "0");
        await setting("search_index", "none");
      },
      "index/progress: never built": () => setting("search_index", "database"),
    };
    await steps[name]?.();
    if (AFTER_TASKS.has(name)) await this.#tasksEnd(name);
    if (AFTER_INDEX.has(name)) await this.#indexEnds(name);
  }

  async #indexEnds(name: string): Promise<void> {
    const deadline = Date.now() + TASKS_MS;
    while ((await this.#asAdmin("/api/admin/index/progress")).json.data.is_done !== true) {
      if (Date.now() > deadline) throw new Error(`the index before ${name} is not done within ${TASKS_MS} ms`);
      await sleep(20);
    }
  }

  async #tasksEnd(name: string): Promise<void> {
    const deadline = Date.now() + TASKS_MS;
    for (const type of ["copy", "move"]) {
      while ((await this.#asAdmin(`/api/task/${type}/undone`)).json.data.length > 0) {
        if (Date.now() > deadline) throw new Error(`the tasks before ${name} have not ended within ${TASKS_MS} ms`);
        await sleep(20);
      }
    }
  }

  #learn({ body, name }: Exchange, { json }: Reply): void {
    const data = json?.data;
    if (json?.code !== 200) return;
    if (name.startsWith("auth/login") && typeof data?.token === "string") {
      const { username } = body as { username: string };
      this.#tokens.set(username, data.token);
    }
    if (data?.tasks?.length > 0) this.#task = data.tasks.at(-1).id;
    if (name === "setting/reset_token") this.#tokens.set("generated", data);
    if (typeof data?.upload_id === "string" && data.upload_id !== "") this.#upload = data.upload_id;
    if (name === "public/share/auth") this.#tokens.set("share", data.token);
  }

  #tokenOf(as: string | undefined): string | undefined {
    if (as === undefined) return undefined;
    if (as.startsWith("token:")) return as.slice("token:".length);
    if (as.startsWith("bearer:")) return `Bearer ${this.#tokens.get(as.slice("bearer:".length))}`;
    return as === "forged" ? FORGED : (this.#tokens.get(as) ?? "never issued");
  }

  async #headersOf({ headers = {} }: Exchange): Promise<Record<string, string>> {
    const entries = Object.entries(headers).map(async ([name, value]) => [name, await this.#filled(value)] as const);
    return Object.fromEntries(await Promise.all(entries));
  }

  async #bodyOf({ body, raw }: Exchange): Promise<string | Buffer | undefined> {
    const size = /^<(\d+) bytes>$/.exec(raw ?? "")?.[1];
    if (size !== undefined) return Buffer.alloc(Number(size), "m");
    if (raw !== undefined) return raw;
    if (body === "{group:1}") {
      const { json } = await this.#asAdmin("/api/admin/setting/list?group=1");
      return JSON.stringify(json.data);
    }
    if (body === undefined || Array.isArray(body)) return body && this.#filled(JSON.stringify(body));
    const { id, addition, ...rest } = body as { id?: unknown; addition?: string };
    const root = /^\{root:(.*)\}$/.exec(addition ?? "")?.[1];
    const whole = {
      ...rest,
      ...(id !== undefined && { id: typeof id === "string" ? numberOr(await this.#filled(id)) : id }),
      ...(addition !== undefined && { addition: root === undefined ? addition : this.#addition(root) }),
    };
    return this.#filled(JSON.stringify(whole));
  }

  #addition(path: string): string {
    return JSON.stringify({ [this.#rootField]: `${this.#files}${path}` });
  }

  #asAdmin(path: string): Promise<Reply> {
    return this.#send({ method: "GET", path, headers: { Authorization: this.#tokens.get("admin") ?? "" } });
  }

  /** The text with everything in it that is called otherwise here. */
  async #filled(text: string): Promise<string> {
    let filled = text
      .replaceAll("{upload}", this.#upload || "none")
      .replaceAll(/task\d{17}/g, this.#task || "none")
      .replaceAll("{hash:bar-secret-1}", staticHash(PASSWORD))
      .replaceAll("{totp}", codeAt(Date.now()))
      .replaceAll("{totp:next}", codeAt(Date.now() + STEP_MS))
      .replaceAll("{share}", this.#tokens.get("share") ?? "");
    for (const [whole, kind = "", name = ""] of filled.matchAll(/\{(storage|user|meta):([^}]+)\}/g)) {
      filled = filled.replaceAll(whole, String(await this.#idOf(kind as "user", name)));
    }
    return filled;
  }

  /** The number of something by its name; 0 where there is none. */
  async #idOf(kind: "storage" | "user" | "meta", name: string): Promise<number> {
    const { json } = await this.#asAdmin(`/api/admin/${kind}/list`);
    const key = { storage: "mount_path", user: "username", meta: "path" }[kind];
    return json.data.content.find((row: Record<string, unknown>) => row[key] === name)?.id ?? 0;
  }

  async #send({ method, path, headers, body, chunked }: Asked, from?: string): Promise<Reply> {
    const { hostname, port } = new URL(this.#server.url);
    // Characters that no request line can hold are escaped, as browsers do it.
    const target = path.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character));
    const length = body === undefined || chunked ? {} : { "Content-Length": Buffer.byteLength(body) };
    const sent = httpRequest({
      ...{ host: hostname, port, method, path: target, agent: false, timeout: 20_000 },
      headers: { ...headers, ...length },
      ...(from !== undefined && { localAddress: from }),
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer to ${method} ${path} within 20 s`)));
    sent.end(body);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    return { status: response.statusCode ?? 0, headers: response.headers, text, json: jsonOf(text) };
  }
}

function codeAt(ms: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...TOTP_SECRET].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const bytes = bits.match(/.{8}/g) ?? [];
  return totpCode(
    Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 2)),
    Math.floor(ms / STEP_MS),
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function numberOr(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}
