/** Files and directories with properties and locks that are moved, also in the place of others, when the process dies. */
import { expect } from "vitest";
import { LOCK_INFO } from "./locks.ts";
import { markBoth, members, type Shown } from "./multistatus.ts";
import { type CrashWorld, expectStatus, type Job, type Step } from "./world.ts";

const FILES = 8;
const DIRECTORIES = 3;
const INSIDE = ["x", "y"];

interface Item {
  readonly id: string;
  readonly isDirectory: boolean;
  at: string;
  token?: string | undefined;
  /** Where it is when the unanswered move was made, and what it replaced there. */
  sent?: { readonly to: string; readonly over?: string } | undefined;
}

export class MoveJob implements Job {
  readonly name = "MOVE";
  readonly spreadMs = 6;
  readonly #items = new Map<string, Item>();
  #last = 0;

  async prepare(world: CrashWorld): Promise<void> {
    if (this.#last === 0) expectStatus(await world.dav("MKCOL", "moves"), 201);
    const count = (isDirectory: boolean) =>
      [...this.#items.values()].filter((item) => item.isDirectory === isDirectory).length;
    while (count(false) < FILES) await this.#make(world, false);
    while (count(true) < DIRECTORIES) await this.#make(world, true);
    for (const item of this.#items.values()) {
      if (item.token !== undefined || !world.chance(0.4)) continue;
      const reply = expectStatus(await world.dav("LOCK", `moves/${item.at}`, {}, LOCK_INFO), 200);
      item.token = String(reply.headers["lock-token"]).slice(1, -1);
    }
  }

  chains(world: CrashWorld): readonly (readonly Step[])[] {
    const items = [...this.#items.values()];
    const free = items.filter(({ token, isDirectory }) => token === undefined && !isDirectory);
    // The first two files without a lock are replaced by two others.
    const victims = free.slice(0, 2);
    const movers = items.filter((item) => !victims.includes(item));
    const over = movers.filter(({ isDirectory }) => !isDirectory).slice(0, victims.length);
    return movers.map((item) => [this.#move(world, item, victims[over.indexOf(item)])]);
  }

  async check(world: CrashWorld): Promise<string> {
    if (this.#items.size === 0) return "not yet";
    const there = await members(world, "moves");
    const places = new Map<string, string>();
    for (const [name, found] of there) places.set(await this.#identify(world, name, found), name);
    expect(places.size).toBe(there.size);
    let unanswered = 0;
    let fresh = 0;
    for (const item of [...this.#items.values()]) {
      const { id, at, sent } = item;
      const place = places.get(id);
      if (sent) unanswered += 1;
      if (place === undefined) {
        // Only what was to be replaced may be gone, and only where the other is in its place.
        const by = [...this.#items.values()].find((other) => other.sent?.over === id);
        expect([id, by && places.get(by.id)]).toEqual([id, at]);
        this.#items.delete(id);
        continue;
      }
      expect([id, [at, sent?.to]]).toEqual([id, expect.arrayContaining([place])]);
      const { tokens } = there.get(place)!;
      // A lock stays where it was taken, and never follows (RFC 4918 §7.5).
      expect([id, place, tokens]).toEqual([id, place, place === at && item.token !== undefined ? [item.token] : []]);
      if (place !== at) {
        fresh += 1;
        item.token = undefined;
        await this.#isFree(world, at);
      }
      item.at = place;
    }
    for (const item of this.#items.values()) item.sent = undefined;
    expect([...places.keys()].filter((id) => !this.#items.has(id))).toEqual([]);
    return `${fresh} of ${unanswered} unanswered are moved`;
  }

  /** Whose content is there; its properties must be its own, and those of what lies in it. */
  async #identify(world: CrashWorld, name: string, { isDirectory, marks }: Shown): Promise<string> {
    if (!isDirectory) {
      const id = expectStatus(await world.dav("GET", `moves/${name}`), 200).body.toString();
      expect({ name, marks }).toEqual({ name, marks: { a: id, b: id } });
      return id;
    }
    const id = marks.a ?? "none";
    const inside = await members(world, `moves/${name}`);
    const found = [...inside].map(([inner, shown]) => [inner, shown.marks.a, shown.marks.b]);
    expect([name, ...found.sort()]).toEqual([name, ...INSIDE.map((x) => [x, `${id}/${x}`, `${id}/${x}`])]);
    for (const x of INSIDE) {
      expect((await world.dav("GET", `moves/${name}/${x}`)).body.toString()).toBe(`${id}/${x}`);
    }
    return id;
  }

  /** What is made where a moved thing was has neither its lock nor its properties. */
  async #isFree(world: CrashWorld, name: string): Promise<void> {
    const now = await members(world, "moves");
    if (now.has(name)) return;
    expectStatus(await world.dav("PUT", `moves/${name}`, {}, "another"), 201);
    expect((await members(world, "moves")).get(name)).toMatchObject({ tokens: [], marks: {} });
    expectStatus(await world.dav("DELETE", `moves/${name}`), 204);
  }

  async #make(world: CrashWorld, isDirectory: boolean): Promise<void> {
    const id = `${isDirectory ? "directory" : "file"} ${++this.#last}`;
    const at = `place ${this.#last}`;
    const path = (inside = "") => encodeURI(`moves/${at}${inside}`);
    const put = async (name: string, content: string) => {
      expectStatus(await world.dav("PUT", name, {}, content), 201);
      expectStatus(await world.dav("PROPPATCH", name, {}, markBoth(content)), 207);
    };
    if (isDirectory) {
      expectStatus(await world.dav("MKCOL", path()), 201);
      expectStatus(await world.dav("PROPPATCH", path(), {}, markBoth(id)), 207);
      for (const x of INSIDE) await put(path(`/${x}`), `${id}/${x}`);
    } else await put(path(), id);
    this.#items.set(id, { id, isDirectory, at });
  }

  #move(world: CrashWorld, item: Item, victim: Item | undefined): Step {
    const to = victim?.at ?? `place ${++this.#last}`;
    return async () => {
      item.sent = { to, ...(victim && { over: victim.id }) };
      const headers = {
        destination: encodeURI(`/dav/local/moves/${to}`),
        ...(item.token !== undefined && { if: `(<${item.token}>)` }),
      };
      expectStatus(await world.dav("MOVE", encodeURI(`moves/${item.at}`), headers), 201, 204);
      if (victim) this.#items.delete(victim.id);
      Object.assign(item, { at: to, token: undefined, sent: undefined });
    };
  }
}
