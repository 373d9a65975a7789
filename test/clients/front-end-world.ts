/** A server with OpenList's front end, two mounts of folders, and a browser before it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type RunningServer, startServer } from "#test/support/server.ts";
import { createPerson, type Person } from "./front-end-person.ts";
import { FRONT_END, type FrontEnd, openFrontEnd } from "./front-end-run.ts";

export interface FrontEndWorld {
  readonly server: RunningServer;
  readonly front: FrontEnd;
  readonly person: Person;
  /** The folder behind `/first`, which holds `hello.txt`, `films/a.bin` and `课件/第1讲.txt`; and behind `/second`, which is empty. */
  readonly first: string;
  readonly second: string;
  /** Another folder, not mounted yet. */
  readonly third: string;
  /**
   * Checks what the browser has met so far: nothing went wrong in it, every answer was 2xx (or 304) and every envelope 200 but for those named
   * here, and it has asked for these things and no others; files of the front end itself aside.
   */
  expectOnly(requests: readonly string[], refusals?: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export async function openFrontEndWorld(): Promise<FrontEndWorld> {
  const folder = mkdtempSync(join(tmpdir(), "pandav-front-end-"));
  const [first = "", second = "", third = ""] = ["first", "second", "third"].map((name) => join(folder, name));
  for (const path of [join(first, "films"), join(first, "课件"), second, third]) mkdirSync(path, { recursive: true });
  writeFileSync(join(first, "hello.txt"), "hello there\n");
  writeFileSync(join(first, "films", "a.bin"), Buffer.alloc(300_000, 1));
  writeFileSync(join(first, "课件", "第1讲.txt"), "第一讲");
  const server = await startServer({ args: ["--frontend", FRONT_END] });
  try {
    for (const [name, root] of Object.entries({ first, second })) await mountLocal(server, name, root);
    const front = await openFrontEnd(server.url);
    return {
      server,
      front,
      first,
      second,
      third,
      person: createPerson(front.page),
      async expectOnly(requests, refusals = []) {
        await front.settled();
        const failed = front.seen.filter(
          ({ status = 200, code }) => status >= 400 || (code !== undefined && code !== 200),
        );
        const told = failed.map(({ what, status, code, message }) => `${what}: ${status} ${code} ${message}`);
        expect([...new Set(told)]).toEqual(refusals);
        expect(front.faults).toEqual([]);
        const asked = front.seen.map(({ what }) => what).filter((what) => !/ \/(?:assets|static|images)\//.test(what));
        expect([...new Set(asked.filter((what) => !isPage(what)))].sort()).toEqual([...requests].sort());
      },
      async close() {
        await front.close();
        await server.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await server.kill9();
    throw error;
  }
}

/** An address that the front end answers itself. */
function isPage(what: string): boolean {
  return /^GET \/(?:$|@|first|second|third)/.test(what);
}

/** Mounts a folder at `/<name>`, as AList's clients do. */
export async function mountLocal(server: RunningServer, name: string, root: string): Promise<void> {
  const call = async (path: string, body: unknown, token?: string) => {
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(token && { Authorization: token }) },
      body: JSON.stringify(body),
    });
    const reply = (await response.json()) as { code: number; data: { token?: string } };
    expect(reply.code).toBe(200);
    return reply.data;
  };
  const { token } = await call("/api/auth/login", { username: server.user, password: server.password });
  const addition = JSON.stringify({ root_folder_path: root });
  await call("/api/admin/storage/create", { mount_path: `/${name}`, driver: "Local", addition }, token);
}
