/** One data folder whose server is killed and started again, round after round. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { pseudoRandom } from "#test/support/pseudo-random.ts";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { type Reply, request } from "../http-put.ts";

/** One request and what follows from its answer. Rejects when the connection breaks: nobody knows then how far it came. */
export type Step = () => Promise<void>;

/** A part of the server's state that is changed until the kill and looked at afterwards. */
export interface Job {
  readonly name: string;
  /** Longest wait between an answer and the kill, in milliseconds: what a request does lies in it. */
  readonly spreadMs: number;
  /** What the round needs, before the moment of the kill can come. */
  prepare(world: CrashWorld): Promise<void>;
  /** Chains run side by side, each one step after the other. */
  chains(world: CrashWorld): readonly (readonly Step[])[];
  /** After the next start: what is there must be of before or after each step, and whole. Resolves to a line of figures. */
  check(world: CrashWorld): Promise<string>;
}

export class CrashWorld implements AsyncDisposable {
  readonly dataDir = mkdtempSync(join(tmpdir(), "pandav-crash-"));
  readonly random: () => number;
  readonly #env: Readonly<Record<string, string>>;
  #server: RunningServer | undefined;

  constructor(seed: number, env: Readonly<Record<string, string>> = {}) {
    this.random = pseudoRandom(seed);
    this.#env = env;
  }

  get server(): RunningServer {
    if (!this.#server) throw new Error("the server is not running");
    return this.#server;
  }

  async start(): Promise<void> {
    this.#server = await startServer({ dataDir: this.dataDir, env: this.#env });
  }

  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number {
    return Math.floor(this.random() * end);
  }

  /** True that often. */
  chance(share: number): boolean {
    return this.random() < share;
  }

  /** A WebDAV request below `/dav/local/`. */
  dav(method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = ""): Promise<Reply> {
    return request(this.server, method, `/dav/local/${path}`, Buffer.from(body), headers);
  }

  /** A call of the HTTP API by the administrator; its `data`. Rejects on a refusal. */
  async api<T>(token: string, path: string, body?: unknown): Promise<T> {
    const headers = { authorization: token, "content-type": "application/json" };
    const text = body === undefined ? "" : JSON.stringify(body);
    const reply = await request(this.server, body === undefined ? "GET" : "POST", path, Buffer.from(text), headers);
    const { code, message, data } = JSON.parse(reply.body.toString()) as { code: number; message: string; data: T };
    if (code !== 200) throw new Error(`${path}: ${code} ${message}`);
    return data;
  }

  async logIn(username = this.server.user, password = this.server.password): Promise<string> {
    return (await this.api<{ token: string }>("", "/api/auth/login", { username, password })).token;
  }

  /** Runs the chains, kills at a random moment, starts again, and looks at everything of every job. */
  async round(job: Job, all: readonly Job[]): Promise<string> {
    await job.prepare(this);
    const chains = job.chains(this);
    const total = chains.reduce((sum, chain) => sum + chain.length, 0);
    const afterAnswers = this.below(total + 1);
    const waitMs = this.random() * job.spreadMs;
    const { pid } = this.server;
    const answers = await this.#killDuring(chains, afterAnswers, waitMs);
    await this.start();
    expect(this.server.pid).not.toBe(pid);
    const lines: string[] = [];
    for (const one of all) lines.push(`${one.name} ${await one.check(this)}`);
    await expect.poll(() => filesBelow(join(this.dataDir, "spool")), { timeout: 10_000 }).toEqual([]);
    return `${job.name}: killed after ${answers} of ${total} answers and ${waitMs.toFixed(1)} ms; ${lines.join("; ")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#server?.stop();
    } finally {
      rmSync(this.dataDir, { recursive: true, force: true });
    }
  }

  async #killDuring(chains: readonly (readonly Step[])[], afterAnswers: number, waitMs: number): Promise<number> {
    const reached = Promise.withResolvers<void>();
    const refused: unknown[] = [];
    let killed = false;
    let answers = 0;
    if (afterAnswers === 0) reached.resolve();
    const work = chains.map(async (chain) => {
      for (const step of chain) {
        try {
          await step();
        } catch (error) {
          if (!killed) refused.push(error);
          return;
        }
        answers += 1;
        if (answers >= afterAnswers) reached.resolve();
      }
    });
    const done = Promise.all(work);
    await Promise.race([reached.promise, done]);
    await sleep(waitMs);
    killed = true;
    await this.server.kill9();
    this.#server = undefined;
    await done;
    expect(refused).toEqual([]);
    return answers;
  }
}

/** A step must be answered with one of these; an answer that says otherwise fails the test. */
export function expectStatus(reply: Reply, ...statuses: readonly number[]): Reply {
  expect([statuses.includes(reply.status), reply.status, reply.body.toString().slice(0, 300)]).toEqual([
    true,
    reply.status,
    expect.anything(),
  ]);
  return reply;
}

function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
