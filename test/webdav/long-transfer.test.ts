import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import type { TransferTasks } from "#server/webdav/long-transfer.ts";
import { changed, openTaskWorld } from "#test/server/tasks/world.ts";
import { AUTHORIZATION, type Front, startFront } from "./harness.ts";

/** Two storages, a front that lets nobody wait for more than 3 bytes, and a gate before the second storage's uploads. */
async function world(signEveryMs?: number) {
  const gate = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const w = await openTaskWorld({
    seeds: { a: { d: { "x.txt": "xxxx", "y.txt": "yyyy" }, "big.txt": "0123456789" }, b: {} },
    maxSyncBytes: 3,
    wrap: (driver) =>
      changed(driver, (mount) => ({
        async upload(...args) {
          arrived.resolve();
          await gate.promise;
          return mount.upload!(...args);
        },
      })),
  });
  let waiting = 0;
  const tasks: TransferTasks = {
    runs: true,
    closing: w.tasks.closing,
    add: (...args) => w.tasks.add(...args),
    list: (query) => w.tasks.list(query),
    get: (id) => w.tasks.get(id),
    subscribe(listener) {
      waiting += 1;
      const leave = w.tasks.subscribe(listener);
      return () => {
        waiting -= 1;
        leave();
      };
    },
  };
  const front = await startFront(w.vfs, {
    user: w.admin,
    tasks,
    ...(signEveryMs !== undefined && { signEveryMs }),
  });
  return { w, front, open: gate.resolve, arrived: arrived.promise, waiting: () => waiting };
}

/** Sends a request, leaves once `until` has come, and waits until the front has noticed. */
async function askAndLeave(
  front: Front,
  method: string,
  from: string,
  to: string,
  until: Promise<void>,
): Promise<void> {
  const socket = connect(front.port, "127.0.0.1");
  socket.on("error", () => {});
  const lines = [`Host: 127.0.0.1:${front.port}`, `Authorization: ${AUTHORIZATION}`, `Destination: ${to}`];
  socket.write(`${method} ${from} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  await until;
  const before = front.logged.length;
  socket.destroy();
  await eventually(async () => front.logged.length > before);
}

describe("COPY and MOVE of more than a client waits for (decision 0026)", () => {
  it("are done by a task, and answered when all is there", async () => {
    const { w, front, open } = await world();
    open();
    expect((await front.ask("COPY", "/dav/a/d", { Destination: "/dav/b/d" })).status).toBe(201);
    expect(await w.tree("/b/d")).toEqual({ "x.txt": "xxxx", "y.txt": "yyyy" });
    expect((await front.ask("MOVE", "/dav/a/big.txt", { Destination: "/dav/b/d/x.txt" })).status).toBe(204);
    expect(await w.tree("/b/d")).toEqual({ "x.txt": "0123456789", "y.txt": "yyyy" });
    expect(Object.keys(await w.tree("/a"))).toEqual(["d/", "d/x.txt", "d/y.txt"]);
    const tasks = await w.tasks.list({});
    expect(tasks.map(({ kind, state }) => [kind, state])).toEqual([
      ["copy", "succeeded"],
      ["move", "succeeded"],
    ]);
  });

  it("go on when the client leaves, and the same request again waits for the same task", async () => {
    const { w, front, open, arrived, waiting } = await world();
    await askAndLeave(front, "COPY", "/dav/a/d", "/dav/b/d", arrived);
    expect(waiting()).toBe(0);
    const again = front.ask("COPY", "/dav/a/d", { Destination: "/dav/b/d" });
    await eventually(async () => waiting() === 1);
    open();
    expect((await again).status).toBe(201);
    expect(await w.tree("/b/d")).toEqual({ "x.txt": "xxxx", "y.txt": "yyyy" });
    expect(await w.tasks.list({})).toHaveLength(1);
  });

  it("tell whoever asks again how it ended: a move that is done, a copy that is looked at once more", async () => {
    const { w, front, open, arrived } = await world();
    await askAndLeave(front, "MOVE", "/dav/a/big.txt", "/dav/b/big.txt", arrived);
    const both = eventually(async () => (await w.tasks.list({})).length === 2);
    await askAndLeave(front, "COPY", "/dav/a/d", "/dav/b/d", both);
    open();
    for (const { id } of await w.tasks.list({})) await w.until(id, "succeeded");
    expect((await front.ask("MOVE", "/dav/a/big.txt", { Destination: "/dav/b/big.txt" })).status).toBe(201);
    expect((await front.ask("MOVE", "/dav/a/big.txt", { Destination: "/dav/b/big.txt" })).status).toBe(404);
    await w.put("/a/d/x.txt", "XXXXX");
    expect((await front.ask("COPY", "/dav/a/d", { Destination: "/dav/b/d" })).status).toBe(201);
    expect((await w.tree("/b/d"))["x.txt"]).toBe("XXXXX");
  });

  it("are refused where a directory is in the way, which a task would only enter (RFC 4918 §9.8.4)", async () => {
    const { w, front, open } = await world();
    open();
    await w.vfs.makeDirectory("/b/d", { signal: new AbortController().signal });
    const reply = await front.ask("COPY", "/dav/a/d", { Destination: "/dav/b/d" });
    expect([reply.status, reply.text]).toEqual([403, expect.stringContaining("would all pass through this server")]);
    expect(await w.tasks.list({})).toEqual([]);
  });

  it("heed locks before anything is taken on (RFC 4918 §7)", async () => {
    const { w, front, open } = await world();
    open();
    await w.put("/b/big.txt", "old");
    const lock = `<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`;
    const locked = await front.ask("LOCK", "/dav/b/big.txt", {}, lock);
    const token = locked.headers["lock-token"]!;
    const headers = { Destination: "/dav/b/big.txt" };
    expect((await front.ask("COPY", "/dav/a/big.txt", headers)).status).toBe(423);
    expect(await w.tasks.list({})).toEqual([]);
    const tagged = { ...headers, If: `</dav/b/big.txt> (${token})` };
    expect((await front.ask("COPY", "/dav/a/big.txt", tagged)).status).toBe(204);
    expect((await w.tree("/b"))["big.txt"]).toBe("0123456789");
  });

  it("say why a task failed, with a status that nobody repeats", async () => {
    const { w, front, open, arrived } = await world();
    const reply = front.ask("COPY", "/dav/a/big.txt", { Destination: "/dav/b/big.txt" });
    await arrived;
    const [task] = await w.tasks.list({});
    await w.tasks.cancel(task!.id);
    open();
    const { status, text } = await reply;
    expect([status, text]).toEqual([403, expect.stringContaining("was cancelled")]);
  });

  it("show neon, which davfs2 and cadaver are built on, that they go on, and say nothing to others", async () => {
    const { front, open, waiting } = await world(10);
    const signs = (agent: string) =>
      new Promise<string>((resolve) => {
        const socket = connect(front.port, "127.0.0.1");
        const lines = [`Host: x`, `User-Agent: ${agent}`, `Authorization: ${AUTHORIZATION}`, `Connection: close`];
        socket.write(`COPY /dav/a/d HTTP/1.1\r\n${lines.join("\r\n")}\r\nDestination: /dav/b/d\r\n\r\n`);
        let text = "";
        socket.on("data", (chunk) => {
          text += chunk;
          // Signs come until both wait for the one task: who asks when it has ended finds a directory in the way.
          if (text.includes("HTTP/1.1 102") && waiting() === 2) open();
        });
        socket.once("close", () => resolve(text));
      });
    const [neon, other] = await Promise.all([signs("cadaver/0.24 neon/0.32.2"), signs("rclone/v1.60.1")]);
    expect(neon).toMatch(/^(HTTP\/1.1 102 Processing\r\n\r\n)+HTTP\/1.1 201 /);
    expect(other).toMatch(/^HTTP\/1.1 201 /);
  });
});

async function eventually(what: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 5_000; !(await what()); await new Promise(setImmediate)) {
    if (Date.now() > deadline) throw new Error("it did not come to that");
  }
}
