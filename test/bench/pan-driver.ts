/** The driver `sjtu-pan` under the vfs's layers in a process of its own. A local file goes to it as the vfs sends one, its CRC-64 computed in passing. */
import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { finished } from "node:stream/promises";
import type { DriverEnv, Log } from "#drivers/contract/driver.ts";
import type { Entry, Mount } from "#drivers/contract/mount.ts";
import { Crc64 } from "#drivers/kit/crc64.ts";
import type { SjtuCredential } from "#drivers/sjtu-pan/credential.ts";
import { sjtuPan } from "#drivers/sjtu-pan/index.ts";
import { openLocalFile } from "#server/api/local-source.ts";
import { memoryJournal } from "#server/layers/journal.ts";
import { systemClock } from "#server/upstream/clock.ts";
import { createDriverEnv } from "#server/upstream/env.ts";
import { SeekableBody } from "#server/vfs/seekable-body.ts";
import { stack } from "#server/vfs/stack.ts";
import { memoryAccount } from "#test/drivers/sjtu-pan/account-handle.ts";
import { answerQuestions } from "./forked.ts";

/** What one transfer took. */
export interface Cost {
  readonly seconds: number;
  /** Of this process. */
  readonly cpuSeconds: number;
}

const o = { signal: new AbortController().signal };
let mount: Mount;
let root: Entry;

const questions = {
  /** Mounts the drive of the account. */
  async open(upstreams: Readonly<Record<string, string>>, credential: SjtuCredential): Promise<void> {
    const silent = () => {};
    const log: Log = { debug: silent, info: silent, warn: silent };
    const common = { name: "/sjtu", log, upstreams, rate: { perSecond: 1000, burst: 1000 } };
    const account = memoryAccount(createDriverEnv(common) as DriverEnv, credential);
    const env = createDriverEnv<SjtuCredential>({ ...common, account });
    mount = stack(await sjtuPan.open(sjtuPan.settings.parse({}), env, o), {
      traits: sjtuPan.traits,
      mountPath: "/sjtu",
      clock: systemClock,
      recorder: { begun() {}, ended() {} },
      journal: memoryJournal(),
      random: (n) => randomBytes(n),
      bytes: () => env.bytes,
    });
    root = await mount.root(o);
  },

  /** Start, parts, confirmation; what the service has then is compared with what was read. */
  async upload(path: string, name: string): Promise<Cost> {
    const stats = await stat(path, { bigint: true });
    const facts = { size: Number(stats.size), modifiedNs: String(stats.mtimeNs), inode: String(stats.ino) };
    const file = await openLocalFile(path, facts);
    try {
      return await measured(async () => {
        const body = new SeekableBody(file.source, sjtuPan.traits.hashes, o.signal);
        const source = {
          size: facts.size,
          hashes: {},
          kind: "seekable" as const,
          open: body.open.bind(body),
          digest: body.digest.bind(body),
        };
        const stored = await mount.upload!(root, name, source, { ...o, conflict: "replace" });
        if (stored.hashes?.crc64 !== (await body.digest("crc64"))) throw new Error("something else was stored");
      });
    } finally {
      await file.close();
    }
  },

  /** The whole file in one read, counted and thrown away. */
  download(name: string, bytes: number): Promise<Cost> {
    return measured(async () => {
      let count = 0;
      await read(name, (chunk) => {
        count += chunk.length;
      });
      if (count !== bytes) throw new Error(`${count} of ${bytes} bytes came`);
    });
  },

  /** The CRC-64 of a file as it comes. */
  async sum(name: string): Promise<string> {
    const sum = new Crc64();
    await read(name, (chunk) => sum.update(chunk));
    return sum.digest();
  },
};

export type DriverQuestions = typeof questions;

answerQuestions(questions, async () => {});

async function read(name: string, take: (chunk: Buffer) => void): Promise<void> {
  const stream = await mount.read!(await mount.stat!([name], o), undefined, o);
  stream.on("data", (chunk: Buffer) => {
    take(chunk);
  });
  await finished(stream);
}

async function measured(run: () => Promise<void>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const at = performance.now();
  await run();
  const seconds = (performance.now() - at) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}
