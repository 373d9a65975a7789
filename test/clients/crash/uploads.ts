/** Files that are stored in all three write modes, moved, copied and removed, also with their directories, when the process dies. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "vitest";
import { PartsControl } from "#test/support/parts-driver.ts";
import { request } from "../http-put.ts";
import { type CrashWorld, expectStatus, type Job, type Step } from "./world.ts";

const MODES = ["through", "back", "auto"] as const;
const LANES = 6;
const STEPS = 5;
const PART = 1024;
const NAMES = ["a", "b", "c"];

/** Paths below `/dav` to contents, and to `null` for directories. */
type State = ReadonlyMap<string, string | null>;

/** Works in directories of its own, one in each storage. */
interface Lane {
  readonly name: string;
  state: State;
  /** What may be there, besides, when the answer has not come. */
  unanswered: readonly State[];
}

interface Change {
  readonly method: string;
  readonly path: string;
  readonly to?: string;
  readonly body?: string;
  readonly after: State;
  /** What a kill in the middle may leave. */
  readonly between?: State;
}

export class UploadJob implements Job {
  readonly name = "uploads";
  readonly spreadMs = 40;
  readonly #lanes: Lane[] = [];
  #last = 0;
  #rounds = 0;

  async prepare(world: CrashWorld): Promise<void> {
    if (this.#rounds++ === 0) await this.#mount(world);
    this.#lanes.length = 0;
    for (let n = 0; n < LANES; n++) {
      const name = `round${this.#rounds}-${n}`;
      const state = new Map<string, string | null>();
      for (const mode of MODES) {
        expectStatus(await this.#dav(world, "MKCOL", `${mode}/${name}`), 201);
        state.set(`${mode}/${name}`, null);
      }
      this.#lanes.push({ name, state, unanswered: [] });
    }
  }

  chains(world: CrashWorld): readonly (readonly Step[])[] {
    return this.#lanes.map((lane) => Array.from({ length: STEPS }, () => () => this.#step(world, lane)));
  }

  async check(world: CrashWorld): Promise<string> {
    const db = new DatabaseSync(join(world.dataDir, "pandav.db"), { readOnly: true });
    try {
      const count = (sql: string) => (db.prepare(sql).get() as { n: number }).n;
      const waiting = () => count("select count(*) as n from pending_upload");
      const accepted = waiting();
      await expect.poll(waiting, { timeout: 20_000, interval: 20 }).toBe(0);
      const found = stored(world);
      let unanswered = 0;
      for (const lane of this.#lanes) {
        const possible = [lane.state, ...lane.unanswered];
        if (lane.unanswered.length > 0) unanswered++;
        const own = new Map([...found].filter(([path]) => path.split("/")[1] === lane.name));
        const is = possible.find((state) => equal(state, own));
        expect({ lane: lane.name, found: shown(own), possible: is ? [] : possible.map(shown) }).toEqual({
          ...{ lane: lane.name, found: shown(own), possible: [] },
        });
        await this.#look(world, own);
      }
      expect(count("select count(*) as n from overlay where state = 'pending'")).toBe(0);
      expect(count("select count(*) as n from replacement")).toBe(0);
      this.#expectNothingLeft(world, db);
      for (const lane of this.#lanes) {
        for (const mode of MODES) expectStatus(await this.#dav(world, "DELETE", `${mode}/${lane.name}`), 204);
      }
      expect([...stored(world).keys()].filter((path) => path.includes(`round${this.#rounds}-`))).toEqual([]);
      return `${accepted} waited, ${unanswered} of ${LANES} chains were cut off`;
    } finally {
      db.close();
    }
  }

  async #mount(world: CrashWorld): Promise<void> {
    const token = await world.logIn();
    for (const mode of MODES) {
      const root = rootOf(world, mode);
      mkdirSync(root);
      const body = { mountPath: `/${mode}`, driver: "parts", settings: { root, partBytes: PART } };
      const settings = { writeMode: mode, replyWithinMs: 15 };
      await world.api(token, "/api/pandav/storages", { ...body, ...settings });
      await new PartsControl(root).set("slow-confirm", "60");
    }
  }

  /** What the server shows is what the storage has. */
  async #look(world: CrashWorld, own: State): Promise<void> {
    for (const [path, content] of own) {
      if (content === null) continue;
      const reply = await this.#dav(world, "GET", path);
      expect([path, reply.status, reply.body.toString() === content]).toEqual([path, 200, true]);
    }
  }

  /** Parts at the storage belong to an upload that goes on when its client comes again. */
  #expectNothingLeft(world: CrashWorld, db: DatabaseSync): void {
    const states = (db.prepare("select state from upload_checkpoint").all() as { state: string }[]).map(
      (row) => row.state,
    );
    for (const mode of MODES) {
      const left = readdirSync(join(rootOf(world, mode), ".control")).filter((name) => name.startsWith("upload-"));
      expect(left.filter((name) => !states.some((state) => state.includes(name)))).toEqual([]);
    }
  }

  async #step(world: CrashWorld, lane: Lane): Promise<void> {
    const change = this.#choose(world, lane);
    if (!change) return;
    const { method, path, to, body, after, between } = change;
    lane.unanswered = [after, ...(between ? [between] : [])];
    const headers = to === undefined ? {} : { destination: `/dav/${to}` };
    expectStatus(await this.#dav(world, method, path, headers, body), 201, 204);
    Object.assign(lane, { state: after, unanswered: [] });
  }

  #choose(world: CrashWorld, { name, state }: Lane): Change | undefined {
    const pick = <T>(all: readonly T[]): T => all[world.below(all.length)]!;
    const directories = [...state].flatMap(([path, content]) => (content === null ? [path] : []));
    const files = [...state].flatMap(([path, content]) => (content === null ? [] : [path]));
    const inner = directories.filter((path) => path.split("/").length > 2);
    const free = () => `${pick(directories)}/${pick(NAMES)}`;
    const kind = world.below(12);
    const target = free();
    if (kind < 5 || files.length === 0) {
      if (state.get(target) === null) return undefined;
      const body = content(++this.#last, world.below(6 * PART));
      return { method: "PUT", path: target, body, after: new Map(state).set(target, body) };
    }
    const file = pick(files);
    if (kind === 5) {
      const path = `${pick(MODES)}/${name}/directory${++this.#last}`;
      return { method: "MKCOL", path, after: new Map(state).set(path, null) };
    }
    if (kind === 6) return { method: "DELETE", path: file, after: without(state, file) };
    if (kind < 9 && inner.length > 0) {
      const from = pick(inner);
      const to = `${from.split("/")[0]}/${name}/renamed${++this.#last}`;
      return { method: "MOVE", path: from, to, after: moved(state, from, to) };
    }
    if (target === file || state.get(target) === null) return undefined;
    const copied = new Map(state).set(target, state.get(file)!);
    if (kind === 9) return { method: "COPY", path: file, to: target, after: copied };
    const isAcross = file.split("/")[0] !== target.split("/")[0];
    return {
      ...{ method: "MOVE", path: file, to: target, after: moved(state, file, target) },
      ...(isAcross && { between: copied }),
    };
  }

  #dav(world: CrashWorld, method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = "") {
    return request(world.server, method, `/dav/${path}`, Buffer.from(body), headers);
  }
}

/** What the storages have, of all lanes. */
function stored(world: CrashWorld): Map<string, string | null> {
  const found = new Map<string, string | null>();
  for (const mode of MODES) {
    const root = rootOf(world, mode);
    if (!existsSync(root)) continue;
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(root.length + 1);
      if (path.startsWith(".control")) continue;
      found.set(`${mode}/${path}`, entry.isDirectory() ? null : readFileSync(join(root, path), "latin1"));
    }
  }
  return found;
}

function rootOf(world: CrashWorld, mode: string): string {
  return join(world.dataDir, `storage-${mode}`);
}

/** Its number and length say what it is: no other content is a part of it. */
function content(number: number, length: number): string {
  return `${number}: ${length} `.padEnd(length, `${number} `);
}

function moved(state: State, from: string, to: string): State {
  const after = new Map(without(state, to));
  for (const [path, value] of state) {
    if (path !== from && !path.startsWith(`${from}/`)) continue;
    after.delete(path);
    after.set(`${to}${path.slice(from.length)}`, value);
  }
  return after;
}

function without(state: State, gone: string): State {
  return new Map([...state].filter(([path]) => path !== gone && !path.startsWith(`${gone}/`)));
}

function equal(a: State, b: State): boolean {
  return a.size === b.size && [...a].every(([path, value]) => b.get(path) === value && b.has(path));
}

/** For messages. */
function shown(state: State): string {
  return [...state]
    .map(([path, value]) => (value === null ? `${path}/` : `${path}=${value.slice(0, 12)}`))
    .sort()
    .join(" ");
}
