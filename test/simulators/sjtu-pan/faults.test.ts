import { describe, expect, it } from "vitest";
import { open } from "./fixture.ts";

describe("faults (sjtu-pan.md §12.4)", () => {
  it("hit the requests of a route that the counters say, and no others", async () => {
    const { client, pan } = await open();
    const handle = pan.faults.add({ route: "api.list", skip: 1, times: 2, fault: { kind: "error", status: 500 } });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) {
      statuses.push((await client.api("GET", "directory/")).status);
      expect((await client.api("GET", "directory/", "info")).status).toBe(200);
    }
    expect(statuses).toEqual([200, 500, 500, 200]);
    expect([handle.hits, handle.spent, pan.faults.pending]).toEqual([2, true, 0]);
  });

  it("can look at the request, cover a plane, and be removed", async () => {
    const { client, pan } = await open();
    const handle = pan.faults.add({
      route: "api.",
      times: Infinity,
      when: ({ rawPath }) => rawPath.endsWith("/docs"),
      fault: { kind: "error", status: 429, retryAfterSeconds: 7 },
    });
    pan.files.makeDirectory("docs");
    expect((await client.api("GET", "directory/")).status).toBe(200);
    const hit = await client.api("GET", "directory/docs", "info");
    expect([hit.status, hit.headers["retry-after"], hit.body.status]).toEqual([429, "7", 429]);
    handle.remove();
    expect((await client.api("GET", "directory/docs")).status).toBe(200);
  });

  it("show a page instead of JSON, or an error in a 200", async () => {
    const { client, pan } = await open();
    pan.faults.add({ route: "api.list", fault: { kind: "html" } });
    pan.faults.add({ route: "api.list", skip: 1, fault: { kind: "error-in-200" } });
    const page = await client.api("GET", "directory/");
    expect([page.status, page.headers["content-type"]]).toEqual([502, "text/html; charset=utf-8"]);
    const inside = await client.api("GET", "directory/");
    expect([inside.status, inside.body]).toEqual([200, expect.objectContaining({ status: 403, code: "NoPermission" })]);
  });

  it("cut the connection before anything is done, or when all is done", async () => {
    const { client, pan } = await open();
    pan.faults.add({ route: "api.mkdir", fault: { kind: "reset", when: "before" } });
    pan.faults.add({ route: "api.mkdir", skip: 1, fault: { kind: "reset", when: "after" } });
    await expect(client.api("PUT", "directory/a")).rejects.toThrow();
    expect(pan.files.exists("a")).toBe(false);
    await expect(client.api("PUT", "directory/a")).rejects.toThrow();
    expect(pan.files.exists("a")).toBe(true);
    expect(pan.log.entries.map(({ status, fault }) => [status, fault])).toEqual([
      [0, "reset"],
      [0, "reset"],
    ]);
  });

  it("lose the reply to a confirm, which the status then tells (sjtu-pan.md §4.7)", async () => {
    const { client, pan } = await open();
    const { body } = await client.api("PUT", "file/a");
    await client.putObject(body, "abc");
    pan.faults.add({ route: "api.upload-confirm", fault: { kind: "reset", when: "after" } });
    await expect(client.api("POST", `file/${body.confirmKey}`, "confirm")).rejects.toThrow();
    expect((await client.api("GET", `file/${body.confirmKey}`, "upload")).body.confirmed).toBe(true);
    expect((await client.api("POST", `file/${body.confirmKey}`, "confirm")).body.code).toBe("UploadNotFound");
  });

  it("cut an upload in the middle of a part, which is then not stored", async () => {
    const { client, pan } = await open();
    const { body } = await client.startParts("a", [1]);
    pan.faults.add({ route: "store.part", fault: { kind: "reset", when: "before", afterBytes: 100_000 } });
    await expect(client.putPart(body, 1, Buffer.alloc(4 * 2 ** 20, 1))).rejects.toThrow();
    expect((await client.api("GET", `file/${body.confirmKey}`, "upload")).body.parts).toEqual([]);
  });

  it("never answer, or late", async () => {
    const { client, pan } = await open();
    pan.faults.add({ route: "api.list", fault: { kind: "silence" } });
    pan.faults.add({ route: "api.list", skip: 1, fault: { kind: "latency", ms: 40 } });
    const late = { done: false };
    const silent = client.api("GET", "directory/").finally(() => {
      late.done = true;
    });
    silent.catch(() => undefined);
    const started = performance.now();
    expect((await client.api("GET", "directory/")).status).toBe(200);
    expect(performance.now() - started).toBeGreaterThan(35);
    expect(late.done).toBe(false);
    await client.close();
    await expect(silent).rejects.toThrow();
  });

  it("end tokens at a request, which is no violation (sjtu-pan.md §12.5)", async () => {
    const { client, pan } = await open();
    pan.faults.add({ route: "api.list", skip: 1, fault: { kind: "access-tokens-end" } });
    expect((await client.api("GET", "directory/")).status).toBe(200);
    expect((await client.api("GET", "directory/")).body.code).toBe("InvalidAccessToken");
    pan.faults.add({ route: "user.personal-space", fault: { kind: "user-tokens-end", cookiesToo: true } });
    expect((await client.user("POST", "space/1/personal")).body.code).toBe("InvalidUserToken");
  });

  it("make the store say expired, slow down, or 416", async () => {
    const { client, pan } = await open();
    pan.files.put("a", "hello world");
    const link = await client.link("a");
    pan.faults.add({ route: "store.get", fault: { kind: "store-expired" } });
    pan.faults.add({ route: "store.get", skip: 1, fault: { kind: "slow-down" } });
    pan.faults.add({ route: "store.get", skip: 2, fault: { kind: "range-416" } });
    const answers = [await client.follow(link), await client.follow(link), await client.follow(link)];
    expect(answers.map(({ status, text }) => [status, /<Code>(\w+)/.exec(text)?.[1]])).toEqual([
      [403, "AccessDenied"],
      [503, "SlowDown"],
      [416, "InvalidRange"],
    ]);
  });

  it("break a download, change a byte of it, or its tag", async () => {
    const { client, pan } = await open();
    pan.files.put("a", "hello world");
    const link = await client.link("a");
    pan.faults.add({ route: "store.get", fault: { kind: "truncate", afterBytes: 4 } });
    await expect(client.follow(link)).rejects.toThrow();
    expect(pan.log.entries.at(-1)?.replyBytes).toBe(4);
    pan.faults.add({ route: "store.get", fault: { kind: "corrupt", at: 0 } });
    const bad = await client.follow(link);
    expect([bad.bytes.length, bad.bytes[0], bad.bytes.subarray(1).toString()]).toEqual([11, 0x97, "ello world"]);
    pan.faults.add({ route: "store.get", fault: { kind: "wrong-etag" } });
    const good = await client.follow(link);
    expect(good.headers.etag).not.toBe((await client.follow(link)).headers.etag);
  });

  it("change a listing between its pages", async () => {
    const { client, pan } = await open();
    for (const name of ["a", "b", "c"]) pan.files.put(name);
    pan.faults.add({ route: "api.list", skip: 1, fault: { kind: "run", action: () => pan.files.remove("a") } });
    const namesOf = async (page: number) =>
      (await client.api("GET", "directory/", `page=${page}&page_size=2`)).body.contents.map(
        (one: { name: string }) => one.name,
      );
    expect([await namesOf(1), await namesOf(2)]).toEqual([["a", "b"], []]);
  });

  it("let the service's clock be wrong, in all that it says (sjtu-pan.md §4.6)", async () => {
    const { client, clock } = await open({ knobs: { clockOffsetMs: 3_600_000 } });
    const { body, headers } = await client.api("PUT", "file/a");
    expect(Date.parse(headers.date ?? "") - clock.now()).toBe(3_600_000);
    expect(Date.parse(body.expiration) - clock.now()).toBe(3_600_000 + 15 * 60_000);
  });

  it("come together with latency", async () => {
    const { client, pan } = await open();
    pan.faults.add({ route: "api.", times: Infinity, fault: { kind: "latency", ms: 1 } });
    pan.faults.add({ route: "api.list", fault: { kind: "error", status: 503 } });
    expect((await client.api("GET", "directory/")).status).toBe(503);
    expect((await client.api("GET", "directory/")).status).toBe(200);
  });
});

describe("the log", () => {
  it("counts by route and hides what is secret", async () => {
    const { client, pan } = await open();
    pan.files.put("a", "hello world");
    await client.api("GET", "directory/", "page=1&page_size=10");
    await client.follow(await client.link("a"));
    await client.user("GET", "space/1");
    expect(pan.log.counts()).toEqual({ "api.download": 1, "api.list": 1, "store.get": 1, "user.space": 1 });
    expect([pan.log.count("api."), pan.log.count("api.list"), pan.log.count()]).toEqual([2, 1, 4]);
    expect(pan.log.entries[0]).toMatchObject({ route: "api.list", method: "GET", status: 200, role: "pan" });
    expect(pan.log.entries[0]?.query).toBe("page=1&page_size=10&access_token=…");
    expect(pan.log.entries.find(({ route }) => route === "store.get")?.replyBytes).toBe(11);
    const shown = JSON.stringify(pan.log.entries);
    for (const secret of [client.accessToken, client.userToken, pan.world.signingKey.id])
      expect(shown).not.toContain(secret);
    pan.log.clear();
    expect([pan.log.count(), pan.log.entries]).toEqual([0, []]);
  });
});
