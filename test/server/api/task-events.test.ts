import { describe, expect, it } from "vitest";
import { openHardened, TOKEN } from "#test/hardening/world.ts";

/** The events of a stream, until it ends. */
async function eventsOf(response: Response, onEvent: (event: string, data: { id: string; state?: string }) => void) {
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let at = text.indexOf("\n\n"); at >= 0; at = text.indexOf("\n\n")) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, at)) ?? [];
      text = text.slice(at + 2);
      if (event && data) onEvent(event, JSON.parse(data));
    }
  }
}

describe("the events of tasks (HTML Standard §9.2)", () => {
  it("begin with what has not ended, follow every change, and end with the time that was asked for", async () => {
    const { port, deps } = await openHardened();
    const admin = await deps.auth.users.owner();
    const add = (to: string) => deps.tasks.add("copy", { from: "/m/a.txt", to, conflict: "fail" }, admin);
    const first = await add("/m/b.txt");
    const url = `http://127.0.0.1:${port}/api/pandav/tasks/events?forMs=400`;
    const response = await fetch(url, { headers: { Authorization: TOKEN } });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const seen: [string, string, string?][] = [];
    let second: string | undefined;
    await eventsOf(response, async (event, { id, state }) => {
      seen.push([event, id, ...(state ? [state] : [])] as [string, string, string?]);
      if (seen.length === 1) second = (await add("/m/c.txt")).id;
      if (seen.length === 2) await deps.tasks.cancel(first.id);
      if (seen.length === 3) await deps.tasks.remove(first.id);
    });
    expect(seen).toEqual([
      ["task", first.id, "waiting"],
      ["task", second, "waiting"],
      ["task", first.id, "cancelled"],
      ["removed", first.id],
    ]);
  });

  it("are for who has an account, and end when tasks do", async () => {
    const { port, deps } = await openHardened();
    const url = `http://127.0.0.1:${port}/api/pandav/tasks/events`;
    expect((await fetch(url)).status).toBe(401);
    const response = await fetch(url, { headers: { Authorization: TOKEN } });
    const ended = eventsOf(response, () => {});
    await deps.tasks.close(AbortSignal.timeout(1_000));
    await ended;
  });
});
