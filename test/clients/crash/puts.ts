/** Files that are overwritten and made anew when the process dies. */
import { expect } from "vitest";
import { members } from "./multistatus.ts";
import { type CrashWorld, expectStatus, type Job, type Step } from "./world.ts";

const FILES = 10;
const NEW_FILES = 4;
const LARGEST = 400_000;

export class PutJob implements Job {
  readonly name = "PUT";
  readonly spreadMs = 6;
  /** The version of each file, undefined where there is none. */
  readonly #versions = new Map<string, number | undefined>();
  /** The version that was on its way, of files whose answer did not come. */
  readonly #sent = new Map<string, number>();
  #last = 0;
  #isMade = false;

  async prepare(world: CrashWorld): Promise<void> {
    if (this.#isMade) return;
    this.#isMade = true;
    expectStatus(await world.dav("MKCOL", "puts"), 201);
    for (let i = 0; i < FILES; i++) await this.#put(world, `file${i}`)();
  }

  chains(world: CrashWorld): readonly (readonly Step[])[] {
    const old = Array.from({ length: FILES }, (_, i) => `file${i}`);
    const made = Array.from({ length: NEW_FILES }, (_, i) => `new${this.#last}-${i}`);
    return [...old, ...made].map((name) => [this.#put(world, name), this.#put(world, name)]);
  }

  async check(world: CrashWorld): Promise<string> {
    if (!this.#isMade) return "not yet";
    const there = await members(world, "puts");
    let fresh = 0;
    for (const [name, version] of this.#versions) {
      const sent = this.#sent.get(name);
      const known = [version, sent].flatMap((one) => (one === undefined ? [] : [one]));
      if (!there.has(name)) {
        expect([name, version]).toEqual([name, undefined]);
        this.#versions.delete(name);
        continue;
      }
      const { status, body } = await world.dav("GET", `puts/${name}`);
      const found = known.find((one) => body.equals(content(name, one)));
      expect({ name, status, found }).toEqual({ name, status: 200, found: expect.any(Number) });
      if (found === sent) fresh += 1;
      this.#versions.set(name, found);
    }
    expect([...there.keys()].filter((name) => !this.#versions.has(name))).toEqual([]);
    const unanswered = this.#sent.size;
    this.#sent.clear();
    for (const name of [...this.#versions.keys()].filter((one) => one.startsWith("new"))) {
      expectStatus(await world.dav("DELETE", `puts/${name}`), 204);
      this.#versions.delete(name);
    }
    return `${fresh} of ${unanswered} unanswered are new`;
  }

  #put(world: CrashWorld, name: string): Step {
    return async () => {
      const version = ++this.#last;
      this.#versions.set(name, this.#versions.get(name));
      this.#sent.set(name, version);
      expectStatus(await world.dav("PUT", `puts/${name}`, {}, content(name, version).toString("latin1")), 201, 204);
      this.#versions.set(name, version);
      this.#sent.delete(name);
    };
  }
}

/** Its own length, name and version say what it is: no other content is a part of it. */
function content(name: string, version: number): Buffer {
  const line = `${name} version ${version}; `;
  return Buffer.alloc(1 + ((version * 7919) % LARGEST), line);
}
