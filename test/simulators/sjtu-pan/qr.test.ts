import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { expectViolations, type Fixture, open } from "./fixture.ts";

const CODE = JSON.stringify({ type: "UPDATE_QR_CODE" });

interface Page {
  readonly uuid: string;
  readonly cookie: string;
}

/** Walks from my.sjtu.edu.cn to the login page with a cookie jar of one. */
async function openPage({ client }: Fixture): Promise<Page> {
  const first = await client.send("my", "GET", "/ui/appmyinfo");
  expect(first.headers.location).toMatch(/^https:\/\/jaccount\.sjtu\.edu\.cn\/oauth2\/authorize\?/);
  const second = await client.follow(first.headers.location ?? "");
  expect(second.headers.location).toMatch(/^https:\/\/jaccount\.sjtu\.edu\.cn\/jaccount\/jalogin\?/);
  const page = await client.follow(second.headers.location ?? "");
  const uuid = /uuid=([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/.exec(page.text)?.[1];
  return { uuid: uuid ?? "", cookie: page.headers["set-cookie"]?.split(";")[0] ?? "" };
}

/** A socket that remembers what it is told. */
async function connect({ pan }: Fixture, uuid: string) {
  const url = `${pan.origins.jaccount.replace("http", "ws")}/jaccount/sub/${uuid}`;
  const socket = new WebSocket(url, { headers: { host: "jaccount.sjtu.edu.cn" } });
  const texts: string[] = [];
  const waiting: (() => void)[] = [];
  socket.on("message", (data) => {
    texts.push(String(data));
    for (const go of waiting.splice(0)) go();
  });
  await once(socket, "open");
  return {
    socket,
    texts,
    /** The message of that number, when it is there. */
    async message(index: number) {
      while (texts.length <= index) await new Promise<void>((resolve) => waiting.push(resolve));
      return JSON.parse(texts[index]!);
    },
  };
}

describe("the QR login (sjtu-pan.md §2.2, §2.9)", () => {
  it("goes from the page over the socket and the phone to the cookie", async () => {
    const fixture = await open();
    const { client, clock, pan } = fixture;
    const { uuid, cookie } = await openPage(fixture);
    const before = await client.send("jaccount", "GET", `/jaccount/expresslogin?uuid=${uuid}`, { headers: { cookie } });
    expect([before.status, before.headers["set-cookie"]]).toEqual([200, undefined]);
    const line = await connect(fixture, uuid);
    line.socket.send("not JSON");
    line.socket.send(JSON.stringify({ type: "SOMETHING" }));
    line.socket.send(CODE);
    const first = await line.message(0);
    expect(first).toMatchObject({ error: 0, type: "UPDATE_QR_CODE", payload: { ts: clock.now() } });
    expect(first.payload.sig).toMatch(/^[0-9a-f]{64}$/);
    clock.advance(45_000);
    line.socket.send(CODE);
    const second = await line.message(1);
    clock.advance(20_000);
    expect(pan.qr.scan(uuid, first.payload.sig, first.payload.ts)).toBe(false);
    const { sig, ts } = second.payload;
    const phone = await client.send("jaccount", "GET", `/jaccount/confirmscancode?uuid=${uuid}&ts=${ts}&sig=${sig}`);
    expect(phone.text).toContain("Confirmed");
    expect(await line.message(2)).toEqual({ error: 0, type: "LOGIN" });
    const login = await client.send("jaccount", "GET", `/jaccount/expresslogin?uuid=${uuid}`, { headers: { cookie } });
    expect(login.headers["set-cookie"]).toMatch(
      /^JAAuthCookie=\S+; Domain=jaccount\.sjtu\.edu\.cn; Path=\/; Secure; HttpOnly$/,
    );
    expect((await client.follow(login.headers.location ?? "")).status).toBe(200);
    line.socket.terminate();
  });

  it("shows no login page to who is logged in", async () => {
    const { client } = await open();
    const first = await client.send("my", "GET", "/ui/appmyinfo");
    const headers = { cookie: `JAAuthCookie=${client.cookie}` };
    const second = await client.follow(first.headers.location ?? "", { headers });
    expect(second.headers.location).toMatch(/^https:\/\/my\.sjtu\.edu\.cn\/ui\/appmyinfo\?code=/);
    const page = await client.follow(second.headers.location ?? "");
    expect([page.status, page.text.includes("uuid=")]).toEqual([200, false]);
    const again = await client.send("my", "GET", "/ui/appmyinfo", {
      headers: { cookie: page.headers["set-cookie"]?.split(";")[0] ?? "" },
    });
    expect(again.status).toBe(200);
  });

  it("answers an unknown uuid with 404, on the socket and on the page", async () => {
    const fixture = await open();
    const unknown = "00000000-0000-4000-8000-000000000000";
    await expect(connect(fixture, unknown)).rejects.toThrow("404");
    expect((await fixture.client.send("jaccount", "GET", `/jaccount/expresslogin?uuid=${unknown}`)).status).toBe(404);
  });

  it("wants the cookies of the login page at the end", async () => {
    const fixture = await open();
    const { uuid } = await openPage(fixture);
    await fixture.client.send("jaccount", "GET", `/jaccount/expresslogin?uuid=${uuid}`);
    expectViolations(fixture.pan, "protocol");
  });

  it("tells a socket that comes back after the scan, and drops sockets when told to", async () => {
    const fixture = await open({ knobs: { qr: { dropAfter: 1 } } });
    const { pan } = fixture;
    const { uuid } = await openPage(fixture);
    const first = await connect(fixture, uuid);
    const closed = once(first.socket, "close");
    first.socket.send(CODE);
    const { payload } = await first.message(0);
    await closed;
    expect(pan.pending().sockets).toBe(0);
    expect(pan.qr.scan(uuid, payload.sig, payload.ts)).toBe(true);
    const second = await connect(fixture, uuid);
    expect((await second.message(0)).type).toBe("LOGIN");
    second.socket.terminate();
  });

  it("can send heartbeats, other cases and errors, delay or forget the login, or keep silent", async () => {
    const fixture = await open({ knobs: { qr: { heartbeatEveryMs: 5, lowercaseTypes: true, errorCode: 3 } } });
    const { pan } = fixture;
    const { uuid } = await openPage(fixture);
    const line = await connect(fixture, uuid);
    await expect(line.message(0)).rejects.toThrow(SyntaxError);
    line.socket.send(CODE);
    const isCode = (text: string) => text.includes("update_qr_code");
    await expect.poll(() => line.texts.some(isCode)).toBe(true);
    expect(JSON.parse(line.texts.find(isCode)!).error).toBe(3);
    line.socket.terminate();
    Object.assign(pan.knobs.qr, { heartbeatEveryMs: 0, silent: true });
    const silent = await connect(fixture, uuid);
    silent.socket.send(CODE);
    silent.socket.ping();
    await once(silent.socket, "pong");
    expect(silent.texts).toEqual([]);
    silent.socket.terminate();
  });

  it("can be refused or cut at the handshake, per counter", async () => {
    const fixture = await open();
    const { uuid } = await openPage(fixture);
    fixture.pan.faults.add({ route: "ws.connect", fault: { kind: "error", status: 503 } });
    fixture.pan.faults.add({ route: "ws.connect", skip: 1, fault: { kind: "reset", when: "before" } });
    await expect(connect(fixture, uuid)).rejects.toThrow("503");
    await expect(connect(fixture, uuid)).rejects.toThrow("hang up");
    (await connect(fixture, uuid)).socket.terminate();
    expect(fixture.pan.log.count("ws.connect")).toBe(3);
  });

  it("takes a socket only at its path", async () => {
    const fixture = await open();
    await expect(connect(fixture, "a/b")).rejects.toThrow("404");
    expectViolations(fixture.pan, "path");
  });
});
