/** What PROPPATCH answered survives a SIGKILL of the real server (RFC 4918 §9.2, architecture.md §5). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type RunningServer, startServer } from "#test/support/server.ts";

it("keeps every property that was answered, on its own file, after kill -9 in the middle of many", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "pandav-properties-crash-"));
  let server: RunningServer | undefined;
  const ask = async (method: string, path: string, body?: string) => {
    const { url, user, password } = server!;
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    const reply = await fetch(`${url}/dav/local${path}`, {
      method,
      headers: { authorization, depth: "0" },
      body: body ?? null,
    });
    return { status: reply.status, text: await reply.text() };
  };
  const mark = (value: string) =>
    `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><n xmlns="u">${value}</n></D:prop></D:set></D:propertyupdate>`;
  try {
    server = await startServer({ dataDir });
    const files = Array.from({ length: 40 }, (_, i) => `/file${i}`);
    for (const file of files) expect((await ask("PUT", file, file)).status).toBe(201);
    const answered: string[] = [];
    const killAt = 10;
    const all = files.map(async (file) => {
      const { status } = await ask("PROPPATCH", file, mark(file));
      if (status === 207) answered.push(file);
      if (answered.length === killAt) process.kill(server!.pid, "SIGKILL");
    });
    await Promise.allSettled(all);
    await server.exited;
    server = await startServer({ dataDir });
    expect(answered.length).toBeGreaterThanOrEqual(killAt);
    for (const file of files) {
      const { text } = await ask("PROPFIND", file);
      const kept = /<n xmlns="u">([^<]*)<\/n>/.exec(text)?.[1];
      if (answered.includes(file)) expect(kept).toBe(file);
      else expect([undefined, file]).toContain(kept);
    }
  } finally {
    await server?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
