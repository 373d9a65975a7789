/** Files that are locked, marked with properties and unlocked when the process dies. */
import { expect } from "vitest";
import { markBoth, members } from "./multistatus.ts";
import { type CrashWorld, expectStatus, type Job, type Step } from "./world.ts";

const FILES = 12;
const STEPS = 4;

export const LOCK_INFO =
  '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>';

interface State {
  readonly token: string | undefined;
  readonly mark: string | undefined;
}

interface File {
  state: State;
  /** What it becomes by the step whose answer did not come; a token that nobody was told is `"unknown"`. */
  sent?: State | undefined;
}

export class LockJob implements Job {
  readonly name = "LOCK/PROPPATCH";
  readonly spreadMs = 3;
  readonly #files = new Map<string, File>();
  #last = 0;

  async prepare(world: CrashWorld): Promise<void> {
    if (this.#files.size > 0) return;
    expectStatus(await world.dav("MKCOL", "locks"), 201);
    for (let i = 0; i < FILES; i++) {
      const name = `locked${i}`;
      expectStatus(await world.dav("PUT", `locks/${name}`, {}, name), 201);
      this.#files.set(name, { state: { token: undefined, mark: undefined } });
    }
  }

  chains(world: CrashWorld): readonly (readonly Step[])[] {
    return [...this.#files.keys()].map((name) => Array.from({ length: STEPS }, () => this.#step(world, name)));
  }

  async check(world: CrashWorld): Promise<string> {
    if (this.#files.size === 0) return "not yet";
    const there = await members(world, "locks");
    expect([...there.keys()].sort()).toEqual([...this.#files.keys()].sort());
    let fresh = 0;
    let unanswered = 0;
    for (const [name, file] of this.#files) {
      const { tokens, marks } = there.get(name)!;
      // Both properties come from one PROPPATCH (RFC 4918 §9.2).
      expect([name, marks.a]).toEqual([name, marks.b]);
      const found = { token: tokens[0], mark: marks.a };
      const allowed = [file.state, ...(file.sent ? [file.sent] : [])];
      const is = allowed.find(
        ({ token, mark }) =>
          mark === found.mark &&
          (token === "unknown" ? found.token !== undefined && !this.#isKnown(found.token) : token === found.token),
      );
      expect({ name, found, allowed: is ? [found] : allowed }).toEqual({ name, found, allowed: [found] });
      expect(tokens.length).toBeLessThanOrEqual(1);
      if (file.sent) unanswered += 1;
      if (file.sent && is === file.sent) fresh += 1;
      this.#files.set(name, { state: found });
    }
    await this.#locksHold(world);
    return `${fresh} of ${unanswered} unanswered are done`;
  }

  /** A lock that is shown stands, and where none is shown none does. */
  async #locksHold(world: CrashWorld): Promise<void> {
    for (const [name, { state }] of this.#files) {
      const put = (headers: Record<string, string>) => world.dav("PUT", `locks/${name}`, headers, name);
      expectStatus(await put({}), state.token === undefined ? 204 : 423);
      if (state.token !== undefined) expectStatus(await put({ if: `(<${state.token}>)` }), 204);
    }
  }

  #isKnown(token: string): boolean {
    return [...this.#files.values()].some(({ state }) => state.token === token);
  }

  /** Locks what is free; marks or frees what is locked. */
  #step(world: CrashWorld, name: string): Step {
    const isMark = world.chance(0.5);
    return async () => {
      const file = this.#files.get(name)!;
      const { token, mark } = file.state;
      const held: Record<string, string> = token === undefined ? {} : { if: `(<${token}>)` };
      if (isMark) {
        const next = `${name} mark ${++this.#last}`;
        file.sent = { token, mark: next };
        expectStatus(await world.dav("PROPPATCH", `locks/${name}`, held, markBoth(next)), 207);
        file.state = file.sent;
      } else if (token === undefined) {
        file.sent = { token: "unknown", mark };
        const reply = expectStatus(await world.dav("LOCK", `locks/${name}`, { depth: "0" }, LOCK_INFO), 200);
        file.state = { token: String(reply.headers["lock-token"]).slice(1, -1), mark };
      } else {
        file.sent = { token: undefined, mark };
        expectStatus(await world.dav("UNLOCK", `locks/${name}`, { "lock-token": `<${token}>` }), 204);
        file.state = file.sent;
      }
      file.sent = undefined;
    };
  }
}
