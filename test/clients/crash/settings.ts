/** Users and storages that are made, changed and removed through the API when the process dies. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { OK, readMultistatus } from "#test/webdav/harness.ts";
import { request } from "../http-put.ts";
import { markBoth } from "./multistatus.ts";
import { type CrashWorld, expectStatus, type Job, type Step } from "./world.ts";

const PAIRS = 3;

/** Something that is set: a version, undefined where there is none. Every version says something else in every field. */
interface Setting {
  readonly kind: "user" | "storage";
  readonly key: string;
  version: number | undefined;
  sent?: { readonly version: number | undefined } | undefined;
  id?: number | undefined;
  /** Of a storage: the version at which its file was last marked. */
  marked?: number | undefined;
}

interface UserRow {
  readonly id: number;
  readonly username: string;
  readonly base_path: string;
  readonly permission: number;
}

interface StorageRow {
  readonly id: number;
  readonly mount_path: string;
  readonly remark: string;
  readonly order: number;
  readonly addition: string;
}

export class SettingsJob implements Job {
  readonly name = "settings";
  readonly spreadMs = 40;
  #settings: Setting[] = [];
  #token = "";
  #last = 0;

  async prepare(world: CrashWorld): Promise<void> {
    this.#token = await world.logIn();
    if (this.#settings.length > 0) return;
    for (let i = 0; i < PAIRS; i++) {
      for (const side of [0, 1]) {
        mkdirSync(folderOf(world, `storage${i}`, side), { recursive: true });
        writeFileSync(join(folderOf(world, `storage${i}`, side), "same.txt"), `storage${i} side ${side}`);
      }
      for (const kind of ["user", "storage"] as const) {
        this.#settings.push({ kind, key: `${kind}${i}`, version: undefined });
      }
    }
    for (const setting of this.#settings) await this.#change(world, setting, ++this.#last)();
    await this.#find(world);
  }

  chains(world: CrashWorld): readonly (readonly Step[])[] {
    return this.#settings.map((setting) =>
      setting.version !== undefined && world.chance(0.3)
        ? [this.#change(world, setting, undefined)]
        : Array.from({ length: 4 }, () => this.#change(world, setting, ++this.#last)),
    );
  }

  async check(world: CrashWorld): Promise<string> {
    if (this.#settings.length === 0) return "not yet";
    this.#token = await world.logIn();
    const found = await this.#find(world);
    let unanswered = 0;
    let fresh = 0;
    for (const setting of this.#settings) {
      const version = found.get(setting.key);
      const allowed = [setting.version, ...(setting.sent ? [setting.sent.version] : [])];
      expect({ key: setting.key, allowed }).toEqual({
        key: setting.key,
        allowed: expect.arrayContaining([version]),
      });
      if (setting.sent) {
        unanswered += 1;
        if (version !== setting.version) fresh += 1;
      }
      Object.assign(setting, { version, sent: undefined });
    }
    return `${fresh} of ${unanswered} unanswered are new`;
  }

  /** The version of everything that is set. Fails where the fields are of different versions, or say what they should not. */
  async #find(world: CrashWorld): Promise<Map<string, number>> {
    const versions = new Map<string, number>();
    const users = await world.api<{ content: UserRow[] }>(this.#token, "/api/admin/user/list");
    for (const user of users.content.filter(({ username }) => username.startsWith("user"))) {
      const version = Number(/\d+$/.exec(user.base_path)?.[0]);
      expect(user).toMatchObject(userFields(user.username, version));
      await world.logIn(user.username, passwordOf(user.username, version));
      this.#know(user.username, user.id);
      versions.set(user.username, version);
    }
    const storages = await world.api<{ content: StorageRow[] }>(this.#token, "/api/admin/storage/list");
    for (const storage of storages.content.filter(({ mount_path }) => mount_path.startsWith("/storage"))) {
      const [, key = "", version = ""] = /^\/(storage\d+) (\d+)$/.exec(storage.mount_path) ?? [];
      const wanted = storageFields(world, key, Number(version));
      expect({ ...storage, addition: root(storage.addition) }).toMatchObject({
        ...wanted,
        addition: root(wanted.addition),
      });
      await this.#mountIsWhole(world, key, Number(version));
      this.#know(key, storage.id);
      versions.set(key, Number(version));
    }
    return versions;
  }

  /** The mounted folder is the one of its settings, and a property of the file of the same name in the other is not shown. */
  async #mountIsWhole(world: CrashWorld, key: string, version: number): Promise<void> {
    const path = `/dav/${key}%20${version}/same.txt`;
    const own = `${key} side ${version % 2}`;
    expect(expectStatus(await request(world.server, "GET", path), 200).body.toString()).toBe(own);
    const asked = '<D:propfind xmlns:D="DAV:"><D:prop><a xmlns="u"/></D:prop></D:propfind>';
    const reply = await request(world.server, "PROPFIND", path, Buffer.from(asked), { depth: "0" });
    const mark = readMultistatus(reply.body.toString())[0]?.propstats[OK]?.["{u}a"];
    const setting = this.#settings.find((one) => one.key === key)!;
    // What was not changed has lost nothing; a change of the folder may have.
    const isSame = setting.marked === version;
    expect({ key, version, mark }).toEqual({ key, version, mark: isSame || mark !== undefined ? own : undefined });
    expectStatus(await request(world.server, "PROPPATCH", path, Buffer.from(markBoth(own))), 207);
    setting.marked = version;
  }

  #know(key: string, id: number): void {
    const setting = this.#settings.find((one) => one.key === key);
    if (setting) setting.id = id;
  }

  /** Makes, changes, or with no version removes. */
  #change(world: CrashWorld, setting: Setting, version: number | undefined): Step {
    return async () => {
      const { kind, key } = setting;
      const isThere = setting.version !== undefined;
      if (isThere) setting.id ??= await this.#idOf(world, setting);
      const { id } = setting;
      setting.sent = { version };
      if (version === undefined) await world.api(this.#token, `/api/admin/${kind}/delete?id=${id}`, {});
      else {
        const fields =
          kind === "user"
            ? { ...userFields(key, version), password: passwordOf(key, version) }
            : { ...storageFields(world, key, version), driver: "Local" };
        const body = isThere ? { ...fields, id } : fields;
        await world.api(this.#token, `/api/admin/${kind}/${isThere ? "update" : "create"}`, body);
      }
      if (!isThere || version === undefined) setting.id = undefined;
      Object.assign(setting, { version, sent: undefined });
    };
  }

  async #idOf(world: CrashWorld, { kind, key }: Setting): Promise<number | undefined> {
    const list = await world.api<{ content: (UserRow & StorageRow)[] }>(this.#token, `/api/admin/${kind}/list`);
    return list.content.find((row) => (kind === "user" ? row.username === key : row.mount_path.startsWith(`/${key} `)))
      ?.id;
  }
}

function userFields(username: string, version: number) {
  return { username, base_path: `/local/of version ${version}`, permission: version % 1024, disabled: false };
}

function passwordOf(username: string, version: number): string {
  return `${username} opens with ${version}`;
}

function storageFields(world: CrashWorld, key: string, version: number) {
  return {
    mount_path: `/${key} ${version}`,
    remark: `version ${version}`,
    order: version,
    addition: JSON.stringify({ root_folder_path: folderOf(world, key, version % 2) }),
  };
}

function root(addition: string): unknown {
  return (JSON.parse(addition) as { root_folder_path?: unknown }).root_folder_path;
}

function folderOf(world: CrashWorld, key: string, side: number): string {
  return join(world.dataDir, "outside", `${key}-${side}`);
}
